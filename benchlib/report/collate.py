"""From the records of a study's executed notebooks to one tidy table, a row for every planned trial.

The notebooks are the truth; `results.parquet` and `results.csv` can be rebuilt from them at any time. A trial
that was planned and has no record that can be read is a row with status "not run".
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from benchlib.errors import UserError
from benchlib.execution.store import RUNOFF, TRIALS
from benchlib.files import replacing
from benchlib.record import STATUSES, scrap
from benchlib.record.metrics import METRICS
from benchlib.report.discoveries import q_values
from benchlib.report.fastest import Answer, answers
from benchlib.trial import Trial

NOT_RUN = "not run"
OUTCOME = (
    "key", "name", "way", "status", "stage", "reason", "error_type", "error_message", "error_cluster",
    "reproduce", "suspect", "control", "notebook", "proof",
)  # fmt: skip
FEW = 3  # notebooks of no planned trial, up to which each is named
DETAILS = ("passes", "operators", "graph", "profile", "export_report")  # of a record, too deep for a table


@dataclass(frozen=True)
class Results:
    """A study as it stands: what was planned, a table with a row for each trial, what was left out."""

    folder: Path
    study: dict[str, Any]
    table: pd.DataFrame
    left_out: list[str]  # one line for each notebook that is not in the table
    runoff: pd.DataFrame  # a row for each direct pair of the run-off, with the columns of the table
    answers: list[Answer]  # which way is fastest, for each model and its conditions
    details: dict[str, dict[str, Any]]  # by key, what a record says in tables of its own (DETAILS)

    @property
    def title(self) -> str:
        return str(self.study.get("title") or self.study.get("name") or self.folder.name)

    def counts(self) -> dict[str, int]:
        """How many trials ended as what, in the order of `STATUSES`; "not run" comes last."""
        found = self.table["status"].value_counts()
        return {status: int(found.get(status, 0)) for status in (*STATUSES, NOT_RUN)}


def collate(study: str | Path, plan: dict[str, Any] | None = None, ran: Collection[str] | None = None) -> Results:
    """Reads a study and writes `results.parquet` and `results.csv` beside it. `plan`, `ran`: see `read`. Raises
    UserError."""
    results = read(study, plan, ran)
    with replacing(results.folder / "results.parquet") as path:
        results.table.to_parquet(path, index=False)
    with replacing(results.folder / "results.csv") as path:
        results.table.to_csv(path, index=False)
    return results


def read(study: str | Path, plan: dict[str, Any] | None = None, ran: Collection[str] | None = None) -> Results:
    """The study in the folder `study`, writing nothing. Raises UserError for a folder that holds none.

    `plan` is the resolved study, where not the folder's own is meant. With `ran`, the keys of the trials of one call,
    nothing that the folder holds of other trials or of a run-off that was not asked for is taken.
    """
    folder = Path(study)
    plan = plan or _plan(folder)
    records, left_out = scrap.read_all(folder / TRIALS)
    if ran is not None:
        records = {path: record for path, record in records.items() if str(record["key"]) in ran}
    by_key: dict[str, tuple[Path, dict]] = {}
    strangers: list[str] = []
    planned = {str(entry["key"]): str(entry["name"]) for entry in plan["trials"]}
    # The planned file comes first, so that a copy under another name never takes its place.
    by_plan = sorted(records.items(), key=lambda item: planned.get(str(item[1]["key"])) != item[0].stem)
    for path, record in by_plan:
        key = str(record["key"])
        if record["status"] not in STATUSES or not isinstance(record["trial"], dict):
            left_out.append(f"{path.name}: its record is of another kind")
        elif key not in planned:
            strangers.append(path.name)
        elif key in by_key:
            left_out.append(f"{path.name}: a second notebook of the trial in {by_key[key][0].name}")
        else:
            by_key[key] = (path, record)
    found = [by_key.get(str(entry["key"])) or (None, _not_run(folder, entry, ran)) for entry in plan["trials"]]
    rows = [_row(entry, *pair) for entry, pair in zip(plan["trials"], found, strict=True)]
    table = _frame(rows)
    table["q_value"] = q_values(table)
    pairs, unreadable = scrap.read_all(folder / RUNOFF) if ran is None or plan["runoff"] else ({}, [])
    direct = {path.relative_to(folder): record for path, record in pairs.items()}
    return Results(
        folder,
        plan,
        table,
        sorted([*left_out, *_strange(sorted(strangers)), *(f"{RUNOFF}/{line}" for line in unreadable)]),
        _frame([_row(record, path, record) for path, record in pairs.items()]),
        answers([record for _, record in found], direct),
        {str(record["key"]): _details(record) for path, record in found if path},
    )


def _plan(folder: Path) -> dict[str, Any]:
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
    return plan


def _details(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in DETAILS if record.get(name)}


def _strange(names: list[str]) -> list[str]:
    """A line for each notebook that was not planned, or one for all where a folder keeps many of earlier plans."""
    if len(names) <= FEW:
        return [f"{name}: belongs to no planned trial" for name in names]
    return [f"{names[0]} and {len(names) - 1} more: belong to no planned trial"]


def _not_run(folder: Path, entry: dict, ran: Collection[str] | None) -> dict[str, Any]:
    """What stands in the place of a record that is not there: the parameters, with the defaults that a plan leaves out,
    so that such a row groups with those that ran."""
    there = (folder / "trials" / f"{entry['name']}.ipynb").exists()
    reason = "its notebook holds no record of it that can be read" if there else "its notebook is not there yet"
    if ran is not None and str(entry["key"]) not in ran:
        reason = "it did not run in this call"
    defaults = {name: field.get_default(call_default_factory=True) for name, field in Trial.model_fields.items()}
    return {"trial": defaults | entry, "status": NOT_RUN, "reason": reason}


def _row(entry: dict, path: Path | None, record: dict[str, Any]) -> dict[str, Any]:
    """One row: what came of the trial, what was asked, what was measured."""
    trial, metrics, error = record["trial"], record.get("metrics") or {}, record.get("error") or {}
    contenders = record.get("contenders") or []
    labels = [c.get("label") for c in contenders]
    first_and_last = [[c.get("label"), c.get("way")] for c in (contenders[0], contenders[-1])] if contenders else []
    row: dict[str, Any] = {
        "key": str(entry["key"]),
        "name": str(entry["name"]),
        "way": _way(trial, metrics, labels),
        **{name: record.get(name) or None for name in ("status", "stage", "reason", "reproduce")},
        **{f"error_{name}": error.get(name) for name in ("type", "message", "cluster")},
        "suspect": ", ".join(map(str, record.get("suspect") or [])) or None,
        "control": len(contenders) > 1 and first_and_last[0] == first_and_last[1],
        "notebook": f"{path.parent.name}/{path.name}" if path else None,
        "proof": f"{path.parent.name}/{path.stem}.py" if path and path.with_suffix(".py").exists() else None,
    }
    for name, value in trial.items():
        if name not in row and name not in METRICS:
            row[name] = value
        elif name in METRICS and _is_number(name):
            row[f"asked_{name}"] = value  # `repeat: auto` was asked, 1204 samples were taken
    for name in METRICS:
        # Words, like the exporter's name, are known from the parameters when a trial did not come far.
        value = metrics.get(name)
        row[name] = trial.get(name) if value is None and not _is_number(name) else value
    row.update({name: value for name, value in metrics.items() if name not in row})
    row["model_name"] = row["model_name"] or trial.get("label") or trial.get("model")
    return row


def _way(trial: dict, metrics: dict, labels: list) -> str:
    if labels and labels[-1]:
        return str(labels[-1])
    index, model = str(metrics.get("_index") or ""), metrics.get("model_name")
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


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
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
