"""`--only`: which trials of a plan. `exporter=script,eager model=resnet` — every word has to hold."""

from __future__ import annotations

from benchlib.errors import UnknownName
from benchlib.label_line import COLUMN
from benchlib.model_labels import label_columns
from benchlib.plan.expand import Plan, Planned
from benchlib.plan.options import split
from benchlib.trial import Trial


def select(plan: Plan, expression: str) -> list[Planned]:
    """The trials that fit. A word `parameter=value[,value]` compares a parameter (a text may be contained in
    it), `label_author=google` a label of its model, a bare word the trial's name. Raises UnknownName for a parameter
    that does not exist."""
    return [p for p in plan.trials if all(_holds(p, word) for word in expression.split())]


def _holds(planned: Planned, word: str) -> bool:
    name, equals, wanted = word.partition("=")
    if not equals:
        return word.lower() in planned.name.lower()
    if name.startswith(COLUMN):
        held = label_columns(planned.trial.model).get(name, "").split(",")
        return any(v in held for v in split(wanted))
    if name not in Trial.model_fields:
        raise UnknownName("parameter", name, Trial.model_fields)
    value = getattr(planned.trial, name)
    if name in ("model", "label"):
        text = f"{planned.trial.model} {planned.trial.model_name}"
        return any(v.lower() in text.lower() for v in split(wanted))
    return any(str(value) == v for v in split(wanted))
