"""A study -> its plan: the matrix multiplied out, selections of models opened, rules and machine asked."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from benchlib.dtypes import OWN
from benchlib.errors import UserError
from benchlib.mistakes import judged
from benchlib.models.script import is_script
from benchlib.plan import issues
from benchlib.plan.availability import lacks
from benchlib.plan.rules import refusal
from benchlib.plan.selections import missed, picked
from benchlib.plan.study import Setting, Study, Value, complaint
from benchlib.registry import Parameters
from benchlib.remembered import forget
from benchlib.trial import Trial, default_of
from benchlib.trial_values import own_dtype, with_exporter


@dataclass
class Planned:
    """One trial of a plan. `status` is "" (to be run), "refused" (by the rule in `reason`) or "skipped"."""

    trial: Trial
    key: str
    status: str = ""
    reason: str = ""

    @property
    def name(self) -> str:
        return self.trial.file_stem(self.key)


@dataclass
class Plan:
    """A study expanded: every trial, in the order of the matrix."""

    name: str
    title: str
    trials: list[Planned] = field(default_factory=list)
    runoff: bool = True  # whether direct pairs follow the matrix

    def resolved(self) -> dict[str, Any]:
        """The study as it is stored beside its results."""
        rows = [
            {"name": p.name, "key": p.key, "label": p.trial.model_name, **_without_label(p.trial.asked())}
            for p in self.trials
        ]
        return {"name": self.name, "title": self.title, "runoff": self.runoff, "trials": rows}


def expand(study: Study) -> Plan:
    """Multiplies the matrix out. Raises UserError with a complaint for each mistake that only shows in combination."""
    forget()
    wrong: list[str] = []
    points = [
        {**study.defaults, **_merged(combination)}
        for combination in (itertools.product(*study.axes) if study.axes else [()] if not study.include else [])
    ]
    points += [{**study.defaults, **entry} for entry in study.include]
    opened_models: dict[str, list[Setting]] = {}  # each model that is written, once
    points = [opened for point in points for opened in _open_selection(point, opened_models, wrong)]
    for rule in study.exclude:
        kept = [p for p in points if not _matches(p, rule)]
        if len(kept) == len(points):
            place = next(iter(rule.values())).place if rule else study.source
            wrong.append(complaint(place, f"exclude matches no trial: {_shown(rule)}"))
        points = kept
    plan = Plan(study.name, study.title, runoff=study.runoff)
    seen: dict[str, Setting] = {}
    for point in points:
        planned = _planned(point, wrong)
        if planned is None:
            continue
        if planned.key in seen:
            said = f"{_shown(point)}{_copied(point, seen[planned.key])}"
            wrong.append(complaint(_place_of(point), f"the same trial twice: {said}"))
        seen[planned.key] = point
        plan.trials.append(planned)
    if wrong:
        raise UserError(*dict.fromkeys(wrong))
    if not plan.trials:
        raise UserError(f"{study.source or study.name}: nothing is left to run after exclude")
    return plan


def _copied(point: Setting, first: Setting) -> str:
    """That a model is one with another which is called otherwise: a file of the same name and content."""
    model, other = point["model"].value, first["model"].value
    return f"; {other} has the same name and content: leave one out, or rename it" if model != other else ""


def _planned(point: Setting, wrong: list[str]) -> Planned | None:
    trial, found = judged(_values(point))
    if trial is None:
        wrong += [complaint((point[p].place if p in point else _place_of(point)), message) for p, message in found]
        return None
    try:
        trial = trial.with_own_dtype()
        planned = Planned(trial, trial.key())
        rule = refusal(trial)
        if rule:
            planned.status, planned.reason = "refused", rule
            return planned
        missing = lacks(trial) or missed(trial)
    except UserError as error:
        wrong += [complaint(point["model"].place, message) for message in error.complaints]
        return None
    if missing:
        planned.status, planned.reason = "skipped", missing
    return planned


def _open_selection(point: Setting, known: dict[str, list[Setting]], wrong: list[str]) -> list[Setting]:
    """One setting for each model that a selection (`timm/Head`) stands for."""
    if "model" not in point:
        wrong.append(complaint(_place_of(point), f"model is missing: {_shown(point)}"))
        return []
    model = point["model"]
    try:
        beside = {name: value for name, value in point.items() if name != "model"}
        written = f"{model.place} {model.value}"
        if written not in known:
            known[written] = issues.opened(model)
        named = [{**stored, **beside} for stored in known[written]]  # what stands beside an issue overrides it
        opened = [one for each in named for one in _open_script(each)]
    except UserError as error:
        wrong += [complaint(model.place, message) for message in error.complaints]
        return []
    return [one for index, one in enumerate(opened) if not _among(one, opened[:index])]


def _among(point: Setting, others: list[Setting]) -> bool:
    """Whether a point says the same as another one: two issues that differ in what was overridden are one trial."""
    return any(_values(point) == _values(other) for other in others)


def _values(point: Setting) -> Parameters:
    return {name: value.value for name, value in point.items()}


def _open_script(point: Setting) -> list[Setting]:
    """One setting for each model that a script calls with what the point tells it."""
    model = point["model"]
    trial = judged(_values(point))[0] if is_script(model.value) else None
    if trial is None:  # no script; or what is wrong with it is told where it is planned
        return [point]
    return [{**point, "model": Value(name, model.place)} for name in picked(trial)]


def _merged(settings: tuple[Setting, ...]) -> Setting:
    return {name: value for setting in settings for name, value in setting.items()}


def _matches(point: Setting, rule: Setting) -> bool:
    held = with_exporter(_values(point))
    return bool(rule) and all(_value_of(held, name) == wanted.value for name, wanted in rule.items())


def _value_of(held: Parameters, name: str) -> Any:
    value = held.get(name, default_of(name))
    return own_dtype(str(held["model"])) if name == "dtype" and value == OWN else value


def _place_of(point: Setting) -> str:
    return next(reversed(point.values())).place if point else ""


def _shown(point: Setting) -> str:
    return ", ".join(f"{name}: {value.value}" for name, value in point.items())


def _without_label(asked: Parameters) -> Parameters:
    return {k: v for k, v in asked.items() if k != "label"}
