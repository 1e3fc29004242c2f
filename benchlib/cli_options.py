"""Options that several commands share, and those of `run`: one for each parameter of a trial."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from benchlib.trial import Trial, default_of

CacheDir = Annotated[Path | None, typer.Option("--cache-dir", help="where models and artifacts are kept")]
Verbose = Annotated[
    int, typer.Option("-v", "--verbose", count=True, help="-v: tracebacks of failures, -vv: logs of the workers too")
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


def with_trial_options(function: Any) -> Any:
    """`run`, with an option for each parameter of a trial, taken from their declaration."""

    def option(name: str, kind: Any, default: Any, declared: Any) -> inspect.Parameter:
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, declared]
        )

    model = Annotated[list[str] | None, typer.Argument(help=Trial.model_fields["model"].description)]
    parameters = [inspect.Parameter("models", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=model)]
    for name, field in Trial.model_fields.items():
        if name == "model":
            continue
        default = default_of(name)
        shown = f" [{default}]" if default not in (None, "", {}) else ""
        declared = typer.Option(f"--{name.replace('_', '-')}", help=f"{field.description}{shown}", show_default=False)
        parameters.append(option(name, str | None, None, declared))
    parameters += [
        option("output", Path, Path("outputs/run"), typer.Option("--output", help="the folder of the results")),
        option(
            "runoff",
            bool,
            False,
            typer.Option("--runoff", help="decide by direct pairs afterwards which way is fastest"),
        ),
        option(
            "fail_fast",
            bool,
            False,
            typer.Option("--fail-fast", help="stop at the first failure, with its whole traceback"),
        ),
        option(
            "records",
            bool,
            False,
            typer.Option("--records", help="print each record, a :name,value; a field, as where no terminal reads"),
        ),
        inspect.Parameter("search_dir", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=SearchDir),
        inspect.Parameter("every", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Every),
        inspect.Parameter("wanted", inspect.Parameter.KEYWORD_ONLY, default="", annotation=Wanted),
        inspect.Parameter("analyze_only", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AnalyzeOnly),
        inspect.Parameter("build_only", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=BuildOnly),
        inspect.Parameter("lean", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Lean),
        inspect.Parameter("verbose", inspect.Parameter.KEYWORD_ONLY, default=0, annotation=Verbose),
        inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet),
        inspect.Parameter("cache_dir", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=CacheDir),
    ]

    def command(**given: Any) -> None:
        function(**given)

    command.__dict__["__signature__"] = inspect.Signature(parameters)
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = function.__doc__
    return command
