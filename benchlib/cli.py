"""`python -m benchlib …`, or `benchlib …`: each command one call into the library."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path
from typing import Annotated, Any, cast

import typer
import typer.core

from benchlib import __version__, cli_cache, cli_choose, cli_discover, cli_doctor, cli_list, cli_scripts
from benchlib.cli_answer import print_answer, print_error, print_fields
from benchlib.cli_options import (
    BuildOnly,
    CacheDir,
    GroupedCommand,
    Lean,
    Quiet,
    Verbose,
    choose_command,
    run_command,
    use_cache,
)
from benchlib.cli_places import folder_of, notebook_of
from benchlib.errors import Interrupted, UserError
from benchlib.execution import status as stands
from benchlib.execution.resume import Rerun
from benchlib.models import issues, names_a_model
from benchlib.plan import study as studies
from benchlib.plan.expand import expand
from benchlib.plan.in_words import counted
from benchlib.plan.issues import keep as keep_issue
from benchlib.plan.only import select
from benchlib.plan.options import values_of
from benchlib.record import Record


class Commands(typer.core.TyperGroup):
    """The commands; `benchlib model.onnx …` is `benchlib run model.onnx …`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The command that the first word names; `run` where that word can only be a model."""
        if args and self.get_command(ctx, args[0]) is None and names_a_model(args[0]):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Commands,
    help="Which way of running this model is fastest here, is it still right, and can the figure be believed?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Study = Annotated[str, typer.Argument(help="a folder under outputs/, or its name, or the study's YAML file")]


def main() -> None:
    """The console script: one clear line and exit status 2 for everything that the user can mend."""
    try:
        app()
    except UserError as error:
        print("\n".join(error.as_lines()), file=sys.stderr)
        sys.exit(2)
    except Interrupted as error:
        again = shlex.join(["benchlib", *sys.argv[1:]])
        way_on = (
            f"go on with: {again}"
            if sys.argv[1:2] in (["run"], ["sweep"], ["choose"])
            else f"all of it anew, from the start: {again}"
        )
        print(f"benchlib: {error}\n{way_on}", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _run(
    models: list[str] | None,
    output: Path,
    runoff: bool,
    fail_fast: bool,
    records: bool,
    search_dir: Path | None,
    every: bool,
    wanted: str,
    analyze_only: bool,
    build_only: bool,
    lean: bool,
    verbose: int,
    quiet: bool,
    cache_dir: Path | None,
    **given: str | None,
) -> None:
    """One trial, or a small matrix: every option takes several values, separated by commas.

    Every trial runs, also one that is done already; after an interrupt the same command goes on where it was. The
    folder keeps what was run there before.
    """
    use_cache(cache_dir)
    named = [value for text in models or [] for value in values_of("model", text)]
    options = {"model": cli_scripts.gathered(named, search_dir, every, wanted)}
    options |= {name: values_of(name, text) for name, text in given.items() if text is not None}
    study = studies.from_options("run", options)
    study.runoff = runoff
    if build_only:
        studies.build_only(study)
    if analyze_only:
        print("\n".join(cli_scripts.analysed(expand(study), verbose)))
        return
    records = records or not sys.stdout.isatty()
    verbose = verbose or int(fail_fast)
    outcome = _execute(study, output, "all", quiet, verbose, fail_fast, records=records, lean=lean, adds=True)
    if not quiet:
        cli_scripts.print_listed(outcome.records)
    if fail_fast and set(outcome.counts) - {"ok", "unverified", "inaccurate", "refused", "skipped"}:
        raise typer.Exit(1)


@app.command()
def sweep(
    study: Annotated[Path, typer.Argument(help="the study's YAML file")],
    output: Annotated[Path | None, typer.Option(help="the folder of the results; default: outputs/<name>")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the plan and stop")] = False,
    only: Annotated[str, typer.Option(help="which trials: 'exporter=script,eager model=resnet'")] = "",
    rerun: Annotated[str, typer.Option(help="failed or all: run these again although they are done")] = "",
    no_runoff: Annotated[bool, typer.Option("--no-runoff", help="no direct pairs after the matrix")] = False,
    build_only: BuildOnly = False,
    lean: Lean = False,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    cache_dir: CacheDir = None,
) -> None:
    """Runs a study; what is done already is kept."""
    use_cache(cache_dir)
    if rerun not in ("", "failed", "all"):
        raise UserError(f"--rerun: '{rerun}' is neither failed nor all")
    written = studies.read(study)
    written.runoff = written.runoff and not no_runoff
    if build_only:
        studies.build_only(written)
    folder = output or Path("outputs") / written.name
    if dry_run:
        from benchlib.execution.preview import preview

        print(preview(expand(written), folder, cast(Rerun, rerun), only))
        return
    _execute(written, folder, cast(Rerun, rerun), quiet, verbose, only=only, lean=lean)


@app.command()
def status(
    study: Study,
    watch: Annotated[bool, typer.Option("--watch", help="again every two seconds, until all has run")] = False,
) -> None:
    """Where a sweep stands, from its outputs alone."""
    folder = folder_of(study)
    print(stands.as_text(folder), flush=True)
    while watch and stands.status(folder).missing:
        time.sleep(2)
        print(stands.as_text(folder), flush=True)


@app.command()
def report(study: Study) -> None:
    """Collates a study and publishes report.html."""
    from benchlib.report import collate, publish

    folder = folder_of(study)
    page = publish(folder)
    print_answer(collate(folder), page=page)


@app.command()
def script(
    trial: Annotated[str, typer.Argument(help="an executed notebook, or the key or name of a trial under outputs/")],
    output: Annotated[Path | None, typer.Option(help="write to this file")] = None,
) -> None:
    """Plain Python, without benchlib, that proves one row: same artifact, same inputs, same options."""
    from benchlib.report.proof import proof

    text = proof(notebook_of(trial))
    if output:
        output.write_text(text)
    else:
        print(text, end="")


@app.command()
def keep(
    trial: Annotated[str, typer.Argument(help="an executed notebook, or the key or name of a trial under outputs/")],
    name: Annotated[str | None, typer.Option(help="what to call it; default: the notebook's name")] = None,
) -> None:
    """Adds a trial that failed to the suite `issues`, to be run again as issues/NAME."""
    print(f"{issues.source.name}/{keep_issue(notebook_of(trial), name)} in {issues.path()}")


def _execute(
    study: studies.Study,
    folder: Path,
    rerun: Rerun,
    quiet: bool,
    verbose: int,
    fail_fast: bool = False,
    records: bool = False,
    only: str = "",
    lean: bool = False,
    adds: bool = False,
) -> Any:
    """Plans, sweeps, collates and prints the answer; on standard error beside records, which somebody may parse. What
    is added to a folder (`adds`) is answered by itself."""
    from benchlib.execution.driver import Options
    from benchlib.execution.driver import sweep as run_plan
    from benchlib.report import StoredPlan, collate, read

    plan = expand(study)
    chosen = frozenset(p.key for p in select(plan, only)) if only else None

    def each(record: Record) -> None:
        if records:
            print_fields(record)
        print_error(record, verbose)

    failed = ("failed", "timeout", "crashed", "oom")
    options = Options(
        rerun=rerun, adds=adds, only=chosen, quiet=quiet, steps=verbose > 0, lean=lean, each=each,
        until=lambda record: fail_fast and record.status in failed,
    )  # fmt: skip
    outcome = run_plan(plan, folder, options)
    results = collate(folder)
    if adds:
        ran = {record.key for record in outcome.records}
        results = read(folder, StoredPlan.of(plan.resolved(), folder.name), ran)
    if not (records and quiet):
        print_answer(results, sys.stderr if records else sys.stdout)
    if not quiet:
        counts = " + ".join(f"{n} {s}" for s, n in outcome.counts.items())
        print(f"{counted(len(outcome.records), 'trial')} = {counts}, in {folder}", file=sys.stderr)
    return outcome


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"benchlib {__version__}")
        raise typer.Exit


@app.callback()
def _every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and stop")
    ] = False,
) -> None:
    """Which way of running this model is fastest here, is it still right, and can the figure be believed?"""


app.command("list")(cli_list.list_)
app.command("choose", cls=GroupedCommand)(choose_command(cli_choose.choose))
app.command("run", cls=GroupedCommand)(run_command(_run))
app.command("discover")(cli_discover.discover)
app.command("doctor")(cli_doctor.doctor)
app.add_typer(cli_cache.app, name="cache")
