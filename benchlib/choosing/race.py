"""The race for one model: a first look at every way, the close ones at full length, direct pairs between the best.

Each of the three is an ordinary sweep of an ordinary plan: what is done is kept, an interrupted race goes on where it
was, and its folder is a study that can be reported. The first look is a study of its own in a folder below.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ruamel.yaml import YAML

from benchlib.choosing.candidates import WHICH, Candidates, candidates
from benchlib.choosing.choice import Choice, label_of
from benchlib.choosing.outcome import Raced, chosen, has_figure, may_be_chosen, nothing, rank_of
from benchlib.choosing.where import Bound
from benchlib.errors import UserError
from benchlib.execution.store import TRIALS
from benchlib.files import write_text
from benchlib.mistakes import make
from benchlib.plan.expand import Plan, expand
from benchlib.plan.study import Study, Value
from benchlib.record import Record, scrap
from benchlib.registry import Parameters

LOOK = "smoke"  # the level of the first look
CLOSE = 1.5  # times as slow as the best by the first look, up to which a way may turn out the fastest
MOST = 6  # ways at full length
FEW = 4  # models that are named where there are too many
FOR_LOOKING = 0.5  # of the budget
_BRIEFLY: Parameters = {"level": LOOK, "processes": "auto", "duration": "auto", "repeat": "auto", "warmup_time": "auto"}
FILE, FIRST_LOOK = "choose.yaml", "first-look"

# Sweeps a plan into a folder; begins no trial after so many seconds; the keys between which direct pairs decide.
Sweep = Callable[[Plan, Path, float, frozenset[str] | None], object]


@dataclass(frozen=True)
class Question:
    """What is asked: a model and its conditions, the bounds that a way has to keep, and how long it may take."""

    given: Parameters  # of every trial, the model among them
    bounds: list[Bound] = field(default_factory=list)
    budget: float = 300.0  # seconds
    every: bool = False  # all ways that there are, not the usual ones alone

    @property
    def level(self) -> str:
        return str(self.given.get("level", "quick"))


def choose(question: Question, folder: Path, sweep: Sweep, say: Callable[[str], None]) -> Choice:
    """Races the ways of a model, and says which of them to use.

    Args:
        question: what is asked.
        folder: of the study that it leaves.
        sweep: how plans are swept.
        say: called with a line of progress.

    Raises:
        UserError: the question has no ways, or its parameters are wrong.
    """
    if question.level == LOOK:
        raise UserError(f"level {LOOK} decides nothing: choose takes quick or precise")
    begin = time.monotonic()

    def left(share: float = 1.0) -> float:
        return max(0.0, question.budget * share - (time.monotonic() - begin))

    ways = candidates(question.given, question.every)
    look = _plan(question, ({**way, **_BRIEFLY} for way in ways.tried))
    say(f"a first look at {len(ways.tried)} ways")
    sweep(look, folder / FIRST_LOOK, left(FOR_LOOKING), None)
    looked = _records(folder / FIRST_LOOK, look)

    close = _close(ways, looked)
    if not close:
        return nothing(folder / FIRST_LOOK, look, ways.left_out)
    say(f"{len(close)} of them at level {question.level}: {', '.join(map(_words, close))}")
    study = _plan(question, ({**way, "level": question.level} for way in close))
    sweep(study, folder, left(), None)
    _write_study(question, close, folder)

    allowed = frozenset(r.key for r in _records(folder, study) if may_be_chosen(r, question.bounds))
    if len(allowed) > 1:
        sweep(replace(study, runoff=True), folder, math.inf, allowed)
    return chosen(Raced(folder, study, folder / FIRST_LOOK, look), question.bounds, ways.left_out)


def _plan(question: Question, points: Iterable[Parameters]) -> Plan:
    study = Study(name="choose", title=_title(question), runoff=False)
    study.include = [{name: Value(value, name) for name, value in point.items()} for point in points]
    plan = expand(study)
    models = list(dict.fromkeys(planned.trial.model for planned in plan.trials))
    if len(models) > 1:
        more = f" and {len(models) - FEW} more" if len(models) > FEW else ""
        raise UserError(f"{question.given['model']} is {', '.join(models[:FEW])}{more}: choose answers for one of them")
    return plan


def _title(question: Question) -> str:
    return f"Which way of running {question.given['model']} is fastest here, and is it still right?"


def _close(ways: Candidates, looked: list[Record]) -> list[Parameters]:
    """The ways that may turn out the fastest by a first look, the best first."""
    ranked = sorted(filter(has_figure, looked), key=rank_of)
    near = [record for record in ranked if rank_of(record) <= rank_of(ranked[0]) * CLOSE][:MOST]
    labels = [label_of(record) for record in near]
    tried = {make(way).way.label: way for way in ways.tried}
    return [tried[label] for label in labels if label in tried]


def _records(folder: Path, plan: Plan) -> list[Record]:
    keys = {planned.key for planned in plan.trials}
    found, _ = scrap.read_all(folder / TRIALS)
    return [record for record in found.values() if record.key in keys]


def _words(way: Mapping[str, object]) -> str:
    return " ".join(str(way[name]) for name in WHICH if way.get(name))


def _write_study(question: Question, close: list[Parameters], folder: Path) -> None:
    """The study as somebody would have written it, to be swept again."""
    given = {n: v for n, v in question.given.items() if n not in WHICH}
    entries = [{n: way[n] for n in WHICH if way.get(n)} for way in close]
    document = {"name": "choose", "title": _title(question), "defaults": {**given, "level": question.level}}
    text = io.StringIO()
    YAML().dump({**document, "include": entries}, text)
    write_text(folder / FILE, text.getvalue())
