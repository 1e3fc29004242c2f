"""What is made from the library's own declarations: pages of `docs/`, and the parameters of `notebooks/trial.ipynb`.

`python -m tests.pages` writes them.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer.main

from benchlib import cli
from benchlib.option import Option
from benchlib.record.metrics import METRICS
from benchlib.registries import exporters, passes, runtimes
from benchlib.report.words import GLOSSARY, STATUS_WORDS, VERDICT_WORDS
from benchlib.trial import Trial, default_of
from benchlib.trial_groups import GROUPS, choices_of, type_of

DOCS = Path(__file__).parents[1] / "docs"
TRIAL = Path(__file__).parents[1] / "notebooks" / "trial.ipynb"
WIDTH = 120  # characters of a line
MADE = "<!-- made by `make pages`: edit what it is made from -->"


COMMAND_LINE = f"""\
# The command line

{MADE}

`python -m benchlib` and `benchlib` are the same, and `benchlib MODEL …` is `benchlib run MODEL …`. Bad input ends with
one line and status 2, an interrupted command with 130 and the command that goes on, a broken pipe with 1.

Options of `run` that are parameters of a trial take several values, separated by commas, and every combination is run;
commas inside brackets, braces or quotes do not separate. Free texts (`--label`, `--tag`, `--shapes`, `--inputs`,
`--script-args`, all `--…-args`) take one.
"""
OPTIONS_HEAD = f"""\
# Options of exporters, passes and runtimes

{MADE}

`exporter_args: {{optimize: false}}` and `runtime_args` take the options of the chosen exporter and runtime by their own
names, `pass_args` those of each pass: `pass_args: {{fp16: {{keep_io_types: false}}}}`. What is not listed has none.
"""
METRICS_HEAD = """\
## Metrics

Of each record, and the columns of `results.csv`. Times are in seconds, sizes in bytes.
"""


def command_line() -> str:
    """Every command with its arguments and options, as `--help` has them."""
    told = itertools.chain.from_iterable(_command(words, command) for words, command in commands())
    return "\n".join([COMMAND_LINE, *told])


def glossary() -> str:
    """The words of reports, and every metric of a record."""
    lines = ["# Glossary", "", MADE, ""]
    for title, words in (("Words", GLOSSARY), ("How a trial ends", STATUS_WORDS), ("Verdicts", VERDICT_WORDS)):
        lines += [f"## {title}", "", "| word | means |", "|---|---|"]
        lines += [*(f"| {word} | {_cell(meaning)} |" for word, meaning in words.items()), ""]
    lines.append(METRICS_HEAD)
    for group in dict.fromkeys(metric.group for metric in METRICS.values()):
        lines += [
            f"### {group.replace('_', ' ')}",
            "",
            "| metric | unit | what it is | measured |",
            "|---|---|---|---|",
        ]
        own = [metric for metric in METRICS.values() if metric.group == group]
        lines += [*(f"| `{m.name}` | {m.unit} | {_cell(m.formula)} | {_cell(m.method)} |" for m in own), ""]
    return "\n".join(lines)


def options() -> str:
    """The options of our own exporters, passes and runtimes, a table for each that has some."""
    lines = [OPTIONS_HEAD]
    for registry, parameter in ((exporters, "exporter_args"), (passes, "pass_args"), (runtimes, "runtime_args")):
        lines += [f"## `{parameter}`", ""]
        for name in filter(registry.is_ours, registry.names()):
            if told := registry.get(name).options:
                lines += [f"### {name}", "", "| option | default | takes | does |", "|---|---|---|---|"]
                lines += [*(_option(key, option) for key, option in told.items()), ""]
    return "\n".join(lines).rstrip()


def _option(name: str, option: Option) -> str:
    takes = ", ".join(f"`{c}`" if c != "" else '`""`' for c in option.choices) or option.type_in_words
    return f"| `{name}` | `{json.dumps(option.default)}` | {takes} | {_cell(option.help)} |"


def parameters_cell() -> str:
    """The parameters of a trial as the notebook has them, in groups."""
    lines = []
    for title, names in GROUPS.items():
        lines += [f"# {title}", *map(_parameter, names), ""]
    return "\n".join(lines[:-1])


def _parameter(name: str) -> str:
    value = json.dumps("timm/resnet18" if name == "model" else default_of(name))
    text = {"null": "None", "true": "True", "false": "False"}.get(value, value)
    line = f"{name}: {type_of(name)} = {text}  # {Trial.model_fields[name].description}"
    told = f"{line}: {', '.join(choices_of(name))}"
    return told if choices_of(name) and len(told) <= WIDTH else line


PAGES: dict[str, Callable[[], str]] = {
    "command-line.md": command_line,
    "glossary.md": glossary,
    "options.md": options,
}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by the words that call it: `benchlib cache list`."""
    yield from _below("benchlib", typer.main.get_command(cli.app))


def _below(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
        return
    for name in sorted(inner):
        yield from _below(f"{words} {name}", inner[name])


def _command(words: str, command: Any) -> Iterator[str]:
    context = command.make_context(words, [], resilient_parsing=True)
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    yield from (f"## {words}", "", (command.help or "").strip(), "", "```", usage, "```", "")
    told = [p.get_help_record(context) for p in command.params if p.param_type_name == "option" and not p.hidden]
    if told:
        yield from ("| option | does |", "|---|---|")
        yield from (f"| `{names}` | {_cell(what)} |" for names, what in told)
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def main() -> None:
    for name, make in PAGES.items():
        (DOCS / name).write_text(make() + "\n")
    notebook = json.loads(TRIAL.read_text())
    cell = next(c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", ()))
    cell["source"] = parameters_cell().splitlines(keepends=True)
    TRIAL.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
