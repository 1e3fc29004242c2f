"""From the records of a study's executed notebooks to one tidy table, a row for every planned trial.

The notebooks are the truth; `results.parquet` and `results.csv` can be rebuilt from them at any time. A trial
that was planned and has no record that can be read is a row with status "not run".
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from benchlib.errors import UserError
from benchlib.execution.reference_course import MovedReference, moved_references, with_moved_references
from benchlib.execution.store import RUNOFF, TRIALS
from benchlib.files import replacing
from benchlib.measure.verdicts import why_withheld
from benchlib.record import NOT_RUN, STATUSES, ExportReport, Record, scrap
from benchlib.record.metrics import METRICS
from benchlib.report.discoveries import q_values
from benchlib.report.fastest import Answer, answers
from benchlib.report.findings import in_short
from benchlib.report.rows import Row
from benchlib.trial import Trial
from benchlib.trial_key import BORN_WITH

OUTCOME = (
    "key", "name", "way", "status", "stage", "reason", "error_type", "error_message", "error_cluster",
    "reproduce", "suspect", "control", "notebook", "proof",
)  # fmt: skip
FEW = 3  # notebooks of no planned trial, up to which each is named


@dataclass(frozen=True)
class PlannedTrial:
    """A trial as the stored plan lists it. `parameters` are those that were asked for, without the defaults."""

    key: str
    name: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class StoredPlan:
    """What `study.yaml` in a study's folder says."""

    title: str  # its name, or "", where nobody gave it one
    name: str
    trials: list[PlannedTrial]
    runoff: bool = True  # direct pairs followed the matrix

    @classmethod
    def of(cls, resolved: Mapping[str, Any], name: str) -> StoredPlan:
        """The plan as `Plan.resolved` gives it; `name` is that of its folder."""
        return cls(
            str(resolved.get("title") or ""),
            str(resolved.get("name") or name),
            [
                PlannedTrial(str(t["key"]), str(t["name"]), {n: v for n, v in t.items() if n not in ("key", "name")})
                for t in resolved["trials"]
            ],
            bool(resolved.get("runoff", True)),
        )


@dataclass(frozen=True)
class Results:
    """A study as it stands: what was planned, a table with a row for each trial, what was left out."""

    folder: Path
    title: str
    table: pd.DataFrame
    left_out: list[str]  # one line for each notebook that is not in the table
    runoff: pd.DataFrame  # a row for each direct pair of the run-off, with the columns of the table
    answers: list[Answer]  # which way is fastest, for each model and its conditions
    records: dict[str, Record]  # by key; of trials that have not run there is none
    moved: list[MovedReference] = field(default_factory=list)  # references of which the trials do not agree
    direct: list[tuple[Path, Record]] = field(default_factory=list)  # the run-off's records, with their notebooks

    def counts(self) -> dict[str, int]:
        """How many trials ended as what, in the order of `STATUSES`; "not run" comes last."""
        counts = self.table["status"].value_counts()
        return {status: int(counts.get(status, 0)) for status in (*STATUSES, NOT_RUN)}

    def record_of(self, row: Row) -> Record | None:
        """The record behind a row of the table; None of a trial that has not run."""
        return self.records.get(row["key"])

    def export_report_of(self, row: Row) -> ExportReport | None:
        """What is known of the export that failed in the trial of a row."""
        record = self.record_of(row)
        return record.export_report if record else None


def collate(study: str | Path, plan: StoredPlan | None = None, ran: Collection[str] | None = None) -> Results:
    """Reads a study and writes `results.parquet` and `results.csv` beside it. `plan`, `ran`: see `read`. Raises
    UserError."""
    results = read(study, plan, ran)
    with replacing(results.folder / "results.parquet") as path:
        results.table.to_parquet(path, index=False)
    with replacing(results.folder / "results.csv") as path:
        results.table.to_csv(path, index=False)
    return results


def read(study: str | Path, plan: StoredPlan | None = None, ran: Collection[str] | None = None) -> Results:
    """The study in the folder `study`, writing nothing. Raises UserError for a folder that holds none.

    `plan` stands for the folder's own, where it is given. With `ran`, the keys of the trials of one call,
    nothing that the folder holds of other trials or of a run-off that was not asked for is taken.
    """
    folder = Path(study)
    plan = plan or _read_plan(folder)
    notebooks, left_out = _notebooks_by_key(folder, plan, ran)

    # A row for each planned trial, whether or not it ran, in the order of the plan
    found = [notebooks.get(planned.key) or (None, _not_run(folder, planned, ran)) for planned in plan.trials]
    moved = [reference for reference, _ in moved_references(record for _, record in found)]
    records = with_moved_references(record for _, record in found)
    paths = [path for path, _ in found]
    table = _frame([_row(r, p.name, path) for r, p, path in zip(records, plan.trials, paths, strict=True)])
    table["q_value"] = q_values(table)

    # The run-off's direct pairs are ordinary trials in a folder of their own
    pairs, unreadable = scrap.read_all(folder / RUNOFF) if ran is None or plan.runoff else ({}, [])
    direct = [(path.relative_to(folder), record) for path, record in pairs.items()]
    return Results(
        folder,
        plan.title if plan.title not in ("", plan.name) else f"{plan.name}: {in_short(table)}",
        table,
        sorted([*left_out, *(f"{RUNOFF}/{line}" for line in unreadable)]),
        _frame([_row(record, record.name, path) for path, record in pairs.items()]),
        answers(records, direct),
        {record.key: record for record in records if record.status != NOT_RUN},
        moved,
        direct,
    )


def _read_plan(folder: Path) -> StoredPlan:
    file = folder / "study.yaml"
    if not file.is_file():
        raise UserError(f"{folder} is no study: it has no study.yaml")
    try:
        plan = YAML(typ="safe").load(file)
    except YAMLError as error:
        raise UserError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
    trials = plan.get("trials") if isinstance(plan, dict) else None
    if not trials or not all(isinstance(t, dict) and {"name", "key"} <= set(t) for t in trials):
        raise UserError(f"{file} lists no trials with name and key")
    return StoredPlan.of(plan, folder.name)


def _notebooks_by_key(
    folder: Path, plan: StoredPlan, ran: Collection[str] | None
) -> tuple[dict[str, tuple[Path, Record]], list[str]]:
    """The notebook of each planned trial that has one, and a line for each other notebook."""
    records, left_out = scrap.read_all(folder / TRIALS)
    if ran is not None:
        records = {path: record for path, record in records.items() if record.key in ran}
    names = {planned.key: planned.name for planned in plan.trials}
    notebooks: dict[str, tuple[Path, Record]] = {}
    strangers: list[str] = []
    # The planned file comes first, so that a copy under another name never takes its place.
    for path, record in sorted(records.items(), key=lambda item: names.get(item[1].key) != item[0].stem):
        if record.key not in names:
            strangers.append(path.name)
        elif record.key in notebooks:
            left_out.append(f"{path.name}: a second notebook of the trial in {notebooks[record.key][0].name}")
        else:
            notebooks[record.key] = (path, record)
    return notebooks, [*left_out, *_lines_on_strangers(sorted(strangers))]


def _lines_on_strangers(names: list[str]) -> list[str]:
    """A line for each notebook that was not planned, or one for all where a folder keeps many of earlier plans."""
    if len(names) <= FEW:
        return [f"{name}: belongs to no planned trial" for name in names]
    return [f"{names[0]} and {len(names) - 1} more: belong to no planned trial"]


def _not_run(folder: Path, planned: PlannedTrial, ran: Collection[str] | None) -> Record:
    """What stands in the place of a record that is not there: the parameters, with the defaults that a plan leaves out,
    so that such a row groups with those that ran."""
    there = (folder / TRIALS / f"{planned.name}.ipynb").exists()
    reason = "its notebook holds no record of it that can be read" if there else "its notebook is not there yet"
    if ran is not None and planned.key not in ran:
        reason = "it did not run in this call"
    defaults = {name: field.get_default(call_default_factory=True) for name, field in Trial.model_fields.items()}
    defaults["dtype"] = BORN_WITH["dtype"]  # a plan that was stored names every other one
    return Record(planned.key, planned.name, NOT_RUN, defaults | planned.parameters, reason=reason)


def _row(record: Record, name: str, path: Path | None) -> Row:
    """One row: what came of the trial, what was asked, what was measured. `name` is that of the plan."""
    row = _outcome(record, name, path)
    trial, metrics = record.trial, record.metrics

    # What was asked. A number that was measured besides is told from it: `repeat: auto` was asked, 1204 samples taken
    for parameter, value in trial.items():
        if parameter in METRICS:
            if _is_number(parameter):
                row[f"asked_{parameter}"] = value
        elif parameter not in row:
            row[parameter] = value

    # What was measured. Words, like the exporter's name, are known from the parameters when a trial did not come far
    for metric in METRICS:
        value = metrics.get(metric)
        row[metric] = trial.get(metric) if value is None and not _is_number(metric) else value
    if items := metrics.get("items"):  # decided by a file or a script, whatever was asked for
        row["asked_batch_size"], row["batch_size"] = trial.get("batch_size"), items
    besides = {**metrics, **record.details}  # of another version, labels, what plug-ins say
    row.update({other: value for other, value in besides.items() if other not in row})
    if record.suspect and not record.is_of_earlier_rules and row["verdict"]:
        row["verdict"], row["verdict_withheld"] = None, why_withheld(record.suspect)
    row["model_name"] = row["model_name"] or trial.get("label") or trial.get("model")
    return row


def _outcome(record: Record, name: str, path: Path | None) -> dict[str, Any]:
    """The columns of OUTCOME; what there is nothing to say of is None."""
    error = record.error
    return {
        "key": record.key,
        "name": name,
        "way": _way(record),
        "status": record.status,
        "stage": record.stage or None,
        "reason": record.reason or None,
        "reproduce": record.reproduce or None,
        "error_type": error.type if error else None,
        "error_message": error.message if error else None,
        "error_cluster": error.cluster if error else None,
        "suspect": ", ".join(record.suspect) or None,
        "control": record.is_control,
        "notebook": f"{path.parent.name}/{path.name}" if path else None,
        "proof": f"{path.parent.name}/{path.stem}.py" if path and path.with_suffix(".py").exists() else None,
    }


def _way(record: Record) -> str:
    """How the way of a trial is called: as its record says, or else by its parameters."""
    trial = record.trial
    if record.contenders and record.contenders[-1].label:
        return record.contenders[-1].label
    index, model = str(record.metrics.get("_index") or ""), record.metrics.get("model_name")
    if model and index.startswith(str(model)):
        return index.removeprefix(str(model)).lstrip(" -")
    try:  # of a trial that has not run the parameters are all there is
        return Trial(**{n: v for n, v in trial.items() if n in Trial.model_fields}).way.label
    except (ValueError, UserError):  # of another version, or of a plug-in that is not here
        pass
    words = [trial.get(name) for name in ("exporter", "opt_patterns", "runtime", "provider")]
    return " ".join(str(w) for w in words if w) or str(trial.get("model", ""))


def _is_number(metric: str) -> bool:
    return metric in METRICS and (METRICS[metric].unit != "" or METRICS[metric].group == "numerics")


def _frame(rows: list[Row]) -> pd.DataFrame:
    """Columns of one type each: outcome, parameters, metrics. Lists and mappings become JSON texts."""
    parameters = {name: None for row in rows for name in row if name not in OUTCOME and name not in METRICS}
    columns = (*OUTCOME, *parameters, *METRICS)
    return pd.DataFrame({name: _column([row.get(name) for row in rows], _is_number(name)) for name in columns})


def _column(values: list[Any], number: bool) -> pd.Series:
    if number:
        values = [float(v) if v in ("inf", "-inf", "nan") else v for v in values]
    known = [v for v in values if v is not None]
    kinds = {type(v) for v in known}
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean")
    if (number and not known) or (kinds == {int} and max(map(abs, known)) < 2**63):
        return pd.Series(values, dtype="Int64")
    if kinds and kinds <= {int, float}:
        return pd.Series(values, dtype="float64")
    return pd.Series([_text(v) for v in values], dtype="str")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
