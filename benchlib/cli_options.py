"""Options that several commands share, and those of `run`: one for each parameter of a trial."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from benchlib.trial import Trial, default_of
from benchlib.trial_groups import GROUPS, choices_of

CacheDir = Annotated[Path | None, typer.Option("--cache-dir", help="where models and artifacts are kept")]
Verbose = Annotated[
    int,
    typer.Option("-v", "--verbose", count=True, help="-v: a line per step and tracebacks of failures, -vv: logs too"),
]
Lean = Annotated[bool, typer.Option("--lean", help="keep the figures, and drop the files in the cache at the end")]
BuildOnly = Annotated[bool, typer.Option("--build-only", help="stop after export and passes (until: export)")]
SearchDir = Annotated[Path | None, typer.Option("-s", "--search-dir", help="where the models' files are")]
Every = Annotated[bool, typer.Option("--all", help="every script of the search directory; no model is given then")]
Wanted = Annotated[str, typer.Option("--labels", help="only models with these labels: 'author::google,meta'")]
AnalyzeOnly = Annotated[bool, typer.Option("--analyze-only", help="show what is in the scripts, and run nothing")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="no progress")]


def use_cache(folder: Path | None) -> None:
    """Takes another cache for this process and those that it starts."""
    if folder:
        os.environ["BENCHLIB_CACHE"] = str(folder.expanduser().resolve())


def run_command(function: Any) -> Any:
    """`run`: its own options, and one for each parameter of a trial, taken from their declaration."""
    models = Annotated[list[str] | None, typer.Argument(help=Trial.model_fields["model"].description)]
    return _command(
        function,
        ("models", models, None),
        {
            "output": (Path, Path("outputs/run"), typer.Option("--output", help="the folder of the results")),
            "runoff": (
                bool,
                False,
                typer.Option("--runoff", help="decide by direct pairs afterwards which is fastest"),
            ),
            "fail_fast": (
                bool,
                False,
                typer.Option("--fail-fast", help="stop at the first failure, with its whole traceback"),
            ),
            "records": (
                bool,
                False,
                typer.Option("--records", help="print each record, a :name,value; a field, as where no terminal reads"),
            ),
            "search_dir": (SearchDir, None),
            "every": (Every, False),
            "wanted": (Wanted, ""),
            "analyze_only": (AnalyzeOnly, False),
            "build_only": (BuildOnly, False),
            "lean": (Lean, False),
            "verbose": (Verbose, 0),
            "quiet": (Quiet, False),
            "cache_dir": (CacheDir, None),
        },
    )


def choose_command(function: Any) -> Any:
    """`choose`: its own options, and one for each parameter of a trial."""
    model = Annotated[str, typer.Argument(help=Trial.model_fields["model"].description)]
    where = "bounds that a way has to keep: 'time_latency_p99 < 0.02 and time_session < 1'"
    return _command(
        function,
        ("model", model, inspect.Parameter.empty),
        {
            "output": (Path | None, None, typer.Option("--output", help="the folder of the results; outputs/choose")),
            "maximize": (
                str,
                "",
                typer.Option(
                    "--maximize", help="throughput: items per second, of several --batch-size, --num-cores too"
                ),
            ),
            "where": (str, "", typer.Option("--where", help=where)),
            "budget": (str, "5m", typer.Option("--budget", help="how long it may take: 90s, 10m, 1h")),
            "every": (bool, False, typer.Option("--all", help="try all ways that there are, not the usual ones alone")),
            "quiet": (Quiet, False),
            "cache_dir": (CacheDir, None),
        },
    )


def _command(function: Any, argument: tuple[str, Any, Any], own: dict[str, tuple]) -> Any:
    """A command for typer, which reads its signature: an argument, an option for each parameter of a trial, and its own
    options, each as (annotation, default) or (type, default, declaration)."""
    name, annotation, default = argument
    parameters = [_parameter(name, annotation, default, inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    for title, name in ((title, name) for title, names in GROUPS.items() for name in names if name != "model"):
        declared = typer.Option(
            f"--{name.replace('_', '-')}", help=_help(name), show_default=False, rich_help_panel=title
        )
        parameters.append(_parameter(name, Annotated[str | None, declared], None))
    for name, (kind, default, *declared) in own.items():
        parameters.append(_parameter(name, Annotated[kind, *declared] if declared else kind, default))

    def command(**given: Any) -> None:
        function(**given)

    command.__dict__["__signature__"] = inspect.Signature(parameters)
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = function.__doc__
    return command


def _help(name: str) -> str:
    """What a parameter is, the words that it takes where they are few, and its default."""
    usual, words = default_of(name), choices_of(name)
    taken = f" ({', '.join(words)})" if words else ""
    return f"{Trial.model_fields[name].description}{taken}" + (f" [{usual}]" if usual not in (None, "", {}) else "")


class GroupedCommand(typer.core.TyperCommand):
    """A command whose `--help` has its own options first, then the parameters of a trial in their groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if told := parameter.get_help_record(ctx):
                usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
                sections.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(told)
        for title in dict.fromkeys(["Arguments", "Options", *sections]):
            if title in sections:
                with formatter.section(title):
                    formatter.write_dl(sections[title])


def _parameter(name: str, annotation: Any, default: Any, kind: Any = inspect.Parameter.KEYWORD_ONLY) -> Any:
    return inspect.Parameter(name, kind, default=default, annotation=annotation)
