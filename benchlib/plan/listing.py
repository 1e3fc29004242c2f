"""What there is to run: the suites, and the models of each with all that is known of them without loading one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchlib.errors import UnknownName, UserError
from benchlib.models.script import is_script
from benchlib.plan import details, selections
from benchlib.plan.availability import absent, without_packages
from benchlib.registries import sources
from benchlib.registry import CatalogueRow, Source
from benchlib.worker.messages import ModelDescription


def suites() -> dict[str, Source]:
    """The sources that have a catalogue, by name."""
    return {name: source for name in sources.names() if (source := sources.get(name)).catalogue is not None}


@dataclass(frozen=True)
class SuiteRow:
    """A suite in a list of them."""

    suite: str
    models: int  # of its catalogue
    here: int  # how many of them this machine can run
    more: bool  # whether it takes names beyond
    summary: str  # or why its catalogue cannot be read


@dataclass(frozen=True)
class ModelRow:
    """A model in a list of them. Sizes in bytes; None where nobody knows."""

    suite: str
    index: int | None  # None: beyond the catalogue
    name: str
    task: str = ""
    params_size: int | None = None  # count
    weights_size: int | None = None
    input_shapes: str | None = None
    sizes: Mapping[str, float] = field(default_factory=dict)  # the default ones that the suite tells
    batch_size: int | None = None  # as recorded by the suite
    alias_of: str = ""
    unknown: str = ""  # why the details are
    summary: str = ""
    missing: str | None = None  # what this machine lacks for it


def overview() -> list[SuiteRow]:
    """One row per suite."""
    return [_suite_row(name, source) for name, source in suites().items()]


def _suite_row(name: str, source: Source) -> SuiteRow:
    more = source.more is not None
    try:
        models, lacking = source.catalogue(), without_packages(source)
    except UserError as error:
        return SuiteRow(name, 0, 0, more, str(error))
    here = sum(not (lacking or absent(model)) for model in models)
    return SuiteRow(name, len(models), here, more, source.summary)


def models(
    wanted: str,
    beyond: bool = False,
    fill: bool = False,
    progress: Callable[[str], None] = lambda name: None,
) -> list[ModelRow]:
    """The models of a suite, or of a selection in it such as `huggingface/Bert`; with `beyond`, those that it takes
    beside its catalogue too. With `fill`, what the cache does not know of them is found out now.
    """
    suite, slash, _ = wanted.partition("/")
    source = _source_of(suite, wanted)
    catalogue = {row["name"]: (index, row) for index, row in enumerate(source.catalogue())}
    if slash:
        names = [name.partition("/")[2] for name in selections.select(wanted)]
    else:
        names = list(dict.fromkeys([*catalogue, *(selections.more(suite) if beyond else [])]))
    lacking = without_packages(source)
    further = [name for name in names if name not in catalogue]
    known: details.Descriptions = {}
    for group in ([] if lacking else details.catalogued(suite), further):
        if not set(group).isdisjoint(names):
            known |= details.fill(suite, group, progress) if fill else details.table(suite, group)
    rows = []
    for name in names:
        index, row = catalogue.get(name, (None, CatalogueRow(name=name)))
        rows.append(_model_row(source, index, row, known.get(name), lacking or absent(row)))
    return rows


def _source_of(suite: str, wanted: str) -> Source:
    if suite in suites():
        return sources.get(suite)
    if is_script(wanted):
        raise UserError(f"{wanted} is a model script, no suite: 'discover {wanted}' shows the models that it calls")
    raise UnknownName("suite", suite, suites())


def _model_row(
    source: Source, index: int | None, row: CatalogueRow, found: ModelDescription | None, missing: str | None
) -> ModelRow:
    sizes = {name: value for name, value in source.shapes.items() if value is not None}
    unknown = found.unknown if found else ""
    known = None if unknown else found
    return ModelRow(
        suite=source.name,
        index=index,
        name=row["name"],
        task=row.get("task") or (known.model_task if known else ""),
        params_size=known.params_size if known else None,
        weights_size=known.weights_size if known else None,
        input_shapes=known.input_shapes if known else None,
        sizes=sizes | ({"seq_length": length} if (length := row.get("seq_length")) else {}),
        batch_size=row.get("batch_size"),
        alias_of=row.get("alias_of") or "",
        unknown=unknown,
        summary=row.get("summary") or "",
        missing=missing,
    )
