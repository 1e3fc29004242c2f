"""`--only`: which trials of a plan. `exporter=script,eager model=resnet` — every word has to hold."""

from __future__ import annotations

from benchlib.errors import UnknownName, UserError
from benchlib.label_line import COLUMN
from benchlib.model_labels import label_columns
from benchlib.plan.expand import Plan, Planned
from benchlib.plan.options import split
from benchlib.trial import Trial

MOST = 8  # values that are named


def select(plan: Plan, expression: str) -> list[Planned]:
    """The trials that fit. A word `parameter=value[,value]` compares a parameter (a text may be contained in
    it), `label_author=google` a label of its model, a bare word the trial's name. Raises UserError for a parameter that
    does not exist, and where no trial fits."""
    words = expression.split()
    if found := [p for p in plan.trials if all(_holds(p, word) for word in words)]:
        return found
    held = (_held(plan, word) for word in words if not any(_holds(p, word) for p in plan.trials))
    raise UserError(f"only: no trial fits '{expression}'; {next(held, 'each of its words fits some')}")


def _held(plan: Plan, word: str) -> str:
    """What a plan has of that which a word asks for, the first of it."""
    name, equals, _ = word.partition("=")
    if not equals:
        found, of = [p.name for p in plan.trials], "the trials are called"
    elif name.startswith(COLUMN):
        found, of = [label_columns(p.trial.model).get(name, "") for p in plan.trials], f"{name} is"
    else:
        found, of = [str(getattr(p.trial, name)) for p in plan.trials], f"{name} is"
    told = sorted(filter(None, set(found)))
    more = f" and {len(told) - MOST} more" if len(told) > MOST else ""
    return f"{of} {', '.join(told[:MOST]) or 'given nowhere'}{more}"


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
