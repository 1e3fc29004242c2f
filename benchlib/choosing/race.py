"""The race for one model: a first look at every way, the close ones at full length, direct pairs between the best.

Each of the three is an ordinary sweep of an ordinary plan: what is done is kept, an interrupted race goes on where it
was, and its folder is a study that can be reported. The first look is a study of its own in a folder below.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ruamel.yaml import YAML

from benchlib.choosing.candidates import WHICH, candidates
from benchlib.choosing.choice import Choice, label_of
from benchlib.choosing.outcome import Swept, chosen, has_figure, may_be_chosen, nothing, was_quiet
from benchlib.choosing.question import EFFORT, LOOK, Question
from benchlib.errors import UserError
from benchlib.execution.store import TRIALS
from benchlib.files import write_text
from benchlib.mistakes import make
from benchlib.plan.expand import Plan, expand
from benchlib.plan.study import Study, Value
from benchlib.record import Record, scrap
from benchlib.registry import Parameters

CLOSE = 1.5  # times as slow as the best by the first look, up to which a way may turn out the fastest
MOST = 6  # ways at full length
FEW = 4  # models that are named where there are too many
FOR_LOOKING, FOR_LENGTH = 0.5, 0.75  # of the budget, after which no trial of that stage begins; the rest is for pairs
_BRIEFLY: Parameters = {"level": LOOK, "processes": "auto", "duration": "auto", "repeat": "auto", "warmup_time": "auto"}
FILE, FIRST_LOOK = "choose.yaml", "first-look"

# Sweeps a plan into a folder; begins no trial after so many seconds; the keys between which direct pairs decide. It
# returns those of the records that are of now: what there was no time for may stand there from an earlier version.
Sweep = Callable[[Plan, Path, float, frozenset[str] | None], Collection[str]]


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
    begin = time.monotonic()

    def left(share: float) -> float:
        return max(0.0, question.budget * share - (time.monotonic() - begin))

    first = next(question.conditions())
    ways = candidates({**question.given, **first}, question.every)
    entrants = [{**way, **conditions} for way in ways.tried for conditions in question.conditions()]
    look = _plan(question, ({**entrant, **_BRIEFLY} for entrant in entrants))
    say(f"a first look at {len(entrants)} ways")
    looked_at = sweep(look, folder / FIRST_LOOK, left(FOR_LOOKING), None)
    looked = _records(folder / FIRST_LOOK, looked_at)

    close = _close(question, entrants, looked)
    if not close:
        return nothing(question, Swept(folder / FIRST_LOOK, look, looked_at), ways.left_out)
    told = ", ".join(question.name_of(make(entrant).way.label, entrant) for entrant in close)
    say(f"{len(close)} of them at level {question.level}: {told}")
    study = _plan(question, ({**way, "level": question.level} for way in close))
    measured = sweep(study, folder, left(FOR_LENGTH), None)
    _write_study(question, close, folder)

    allowed = frozenset(r.key for r in _records(folder, measured) if may_be_chosen(r, question.bounds))
    if len(allowed) > 1:
        sweep(replace(study, runoff=True), folder, math.inf, allowed)
    full, brief = Swept(folder, study, measured), Swept(folder / FIRST_LOOK, look, looked_at)
    return chosen(question, full, brief, ways.left_out)


def _plan(question: Question, points: Iterable[Parameters]) -> Plan:
    study = Study(name="choose", title=question.title, runoff=False)
    study.include = [{name: Value(value, name) for name, value in point.items()} for point in points]
    plan = expand(study)
    models = list(dict.fromkeys(planned.trial.model for planned in plan.trials))
    if len(models) > 1:
        more = f" and {len(models) - FEW} more" if len(models) > FEW else ""
        raise UserError(f"{question.given['model']} is {', '.join(models[:FEW])}{more}: choose answers for one of them")
    return plan


def _close(question: Question, entrants: Sequence[Parameters], looked: Sequence[Record]) -> list[Parameters]:
    """Those that may turn out the best by a first look, the best first; then those of which a busy host left nothing to
    go by."""
    ranked = sorted(filter(has_figure, looked), key=question.rank_of)
    sure = [record for record in ranked if was_quiet(record)]
    near = [record for record in sure if question.rank_of(record) <= question.rank_of(sure[0]) * CLOSE]
    near = [*near, *(record for record in ranked if record not in sure)][:MOST]
    by_name = {question.name_of(make(entrant).way.label, entrant): entrant for entrant in entrants}
    return [{**by_name[question.name_of(label_of(r), r.trial)], **question.effort_for(r)} for r in near]


def _records(folder: Path, keys: Collection[str]) -> list[Record]:
    found, _ = scrap.read_all(folder / TRIALS)
    return [record for record in found.values() if record.key in keys]


def _write_study(question: Question, close: list[Parameters], folder: Path) -> None:
    """The study as somebody would have written it, to be swept again."""
    own = (*WHICH, *question.varied, *EFFORT)
    given = {n: v for n, v in question.given.items() if n not in own}
    entries = [{n: entrant[n] for n in own if entrant.get(n)} for entrant in close]
    document = {"name": "choose", "title": question.title, "defaults": {**given, "level": question.level}}
    text = io.StringIO()
    YAML().dump({**document, "include": entries}, text)
    write_text(folder / FILE, text.getvalue())
