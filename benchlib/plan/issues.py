"""Trials that once failed, by name: what stands in the file of `benchlib.models.issues`, and how they get there."""

from __future__ import annotations

import datetime
from pathlib import Path

from benchlib.errors import UserError
from benchlib.files import replacing
from benchlib.models import issues
from benchlib.plan.selections import select
from benchlib.plan.study import Setting, Value, plain
from benchlib.record import scrap
from benchlib.trial import Trial, default_of

KEPT = ("failed", "timeout", "crashed", "oom", "inaccurate", "unverified")


def opened(model: Value) -> list[Setting]:
    """What a model or a selection stands for: the stored parameters of each issue, else each model alone. Raises
    UserError."""
    suite = str(model.value).partition("/")[0]
    if suite != issues.source.name:
        return [{"model": Value(name, model.place)} for name in select(model.value)]
    stored = {f"{suite}/{entry['name']}": plain(entry["trial"]) for entry in issues.entries()}
    if not stored:
        raise UserError(f"there is no issue in {issues.path()}: 'keep TRIAL' puts one there")
    found = []
    for name in select(model.value):
        place = f"{issues.path()}: {name}"
        try:
            real = select(stored[name]["model"])
        except UserError as error:
            raise UserError(f"{place}: {error}") from error
        found += [{p: Value(one if p == "model" else v, place) for p, v in stored[name].items()} for one in real]
    return found


def keep(notebook: Path, name: str | None = None) -> str:
    """Adds the trial of an executed notebook that failed or was inaccurate; returns its name. Raises UserError."""
    from ruamel.yaml import YAML

    try:
        record = scrap.read_record(notebook)
    except scrap.NoRecord as error:
        raise UserError(str(error)) from error
    if record.status not in KEPT:
        raise UserError(f"{notebook.name} ended as {record.status}: what is kept ended as {', '.join(KEPT)}")
    parameters = {p: v for p, v in record.trial.items() if p in Trial.model_fields and v != default_of(p)}
    name = name or notebook.stem
    known = issues.entries() if issues.path().exists() else []
    if any(entry["name"] == name for entry in known):
        raise UserError(f"{issues.path()} has '{name}' already: give it another --name")
    lines = [line for line in record.reason.splitlines() if line.strip()] or [""]
    reason = " ".join(filter(None, [record.status, f"at {record.stage}:" if record.stage else "", lines[0]]))
    date = record.metrics.get("date_start") or f"{datetime.date.today()}"
    entry: issues.Issue = {"name": name, "reason": reason, "date": date, "trial": parameters}
    path = issues.path()
    path.parent.mkdir(parents=True, exist_ok=True)
    yaml = YAML(typ="rt")  # comments in the file stay
    yaml.width = 10_000
    known.append(entry)
    with replacing(path) as temporary:
        yaml.dump(known, temporary)
    return name
