"""What there is to run: the suites, and the models of each with all that is known of them without loading one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchlib.errors import UnknownName, UserError
from benchlib.models.script import is_script
from benchlib.plan import details, selections
from benchlib.plan.availability import absent, without_packages
from benchlib.registries import sources
from benchlib.registry import Source


def suites() -> dict[str, Source]:
    """The sources that have a catalogue, by name."""
    return {name: source for name in sources.names() if (source := sources.get(name)).catalogue is not None}


def overview() -> list[dict[str, Any]]:
    """One row per suite: `suite`, `models` of its catalogue, `here` (how many this machine can run), `more` (whether it
    takes names beyond), `summary`, or why its catalogue cannot be read."""
    rows = []
    for name, source in suites().items():
        row = {"suite": name, "models": 0, "here": 0, "more": source.more is not None, "summary": source.summary}
        try:
            models, lacking = source.catalogue(), without_packages(source)
            rows.append(row | {"models": len(models), "here": sum(not (lacking or absent(m)) for m in models)})
        except UserError as error:
            rows.append(row | {"summary": str(error)})
    return rows


def models(
    wanted: str,
    beyond: bool = False,
    fill: bool = False,
    progress: Callable[[str], None] = lambda name: None,
) -> list[dict[str, Any]]:
    """The models of a suite, or of a selection in it such as `huggingface/Bert`; with `beyond`, those that it takes
    beside its catalogue too. With `fill`, what the cache does not know of them is found out now.

    A row has `suite`, `index` (None beyond the catalogue), `name`, `task`, `params_size`, `weights_size` and
    `input_shapes` (None where nobody knows), `sizes` (the default ones that the suite tells), `batch_size` (recorded),
    `alias_of`, `missing` (what this machine lacks, or None), `unknown` (why details are) and `summary`.
    """
    suite, slash, _ = wanted.partition("/")
    if suite not in suites() and is_script(wanted):
        raise UserError(f"{wanted} is a model script, no suite: 'discover {wanted}' shows the models that it calls")
    if suite not in suites():
        raise UnknownName("suite", suite, suites())
    source = sources.get(suite)
    catalogue = {row["name"]: {**row, "index": index} for index, row in enumerate(source.catalogue())}
    if slash:
        names = [name.partition("/")[2] for name in selections.select(wanted)]
    else:
        names = list(dict.fromkeys([*catalogue, *(selections.more(suite) if beyond else [])]))
    lacking = without_packages(source)
    further = [name for name in names if name not in catalogue]
    known: dict[str, details.Details] = {}
    for group in ([] if lacking else details.catalogued(suite), further):
        if not set(group).isdisjoint(names):
            known |= details.fill(suite, group, progress) if fill else details.table(suite, group)
    rows = [(catalogue.get(name, {"name": name}), known.get(name, {})) for name in names]
    return [{**_row(source, *row), "missing": lacking or absent(row[0])} for row in rows]


def _row(source: Source, row: dict[str, Any], found: details.Details) -> dict[str, Any]:
    sizes = {name: value for name, value in source.shapes.items() if value is not None}
    return {
        "suite": source.name,
        "index": row.get("index"),
        "name": row["name"],
        "task": row.get("task") or found.get("model_task") or "",
        "params_size": found.get("params_size"),
        "weights_size": found.get("weights_size"),
        "input_shapes": found.get("input_shapes"),
        "sizes": sizes | ({"seq_length": row["seq_length"]} if row.get("seq_length") else {}),
        "batch_size": row.get("batch_size"),
        "alias_of": row.get("alias_of") or "",
        "unknown": found.get("unknown", ""),
        "summary": row.get("summary") or "",
    }
