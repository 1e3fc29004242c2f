"""The run-off of a study: after the matrix, direct pairs of ways until each model has a fastest one or cannot have.

A direct pair is an ordinary trial whose reference is the rival's way; its notebook goes to `runoff/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from benchlib.execution import durations, store
from benchlib.execution.contest import (
    Contest,
    Lookup,
    contests,
    direct_of,
    pair_parameters,
    ratio_text,
    way_label,
)
from benchlib.execution.journal import Event
from benchlib.execution.resume import Rerun, Task, why
from benchlib.measure.levels import level_of
from benchlib.measure.runoff import RIVALS, Pair, PairedResult, processes_of
from benchlib.mistakes import make
from benchlib.plan.availability import lacks
from benchlib.plan.expand import Planned
from benchlib.plan.in_words import minutes
from benchlib.plan.rules import refusal
from benchlib.record import NOT_RUN, STATUSES, Record, scrap

Measure = Callable[[Task], tuple[Record, Event]]  # executes a trial: its record, the journal's event
Say = Callable[[str], None]


class RunOff:
    """What the folder of a study holds of its run-off, and what is left to do.

    `records` are those of all planned trials, in their order; one that has not run yet has its parameters only (see
    `not_run`).
    """

    def __init__(self, records: list[Record], folder: Path, rerun: Rerun = ""):
        self.contests, self.rerun = contests(records), rerun
        self.durations = durations.known(folder)
        held, self.unreadable = scrap.read_all(folder / store.RUNOFF)
        self.held = {record.key: record for record in held.values()}
        self.measured = 0

    def run(self, measure: Measure, say: Say) -> None:
        """Measures what is missing, and says for each model what it came to. A pair that fails decides nothing and
        stops nothing."""
        undecided = [c for c in self.contests if not c.without()]
        for line in self.unreadable:
            say(f"skipped {line}")
        if left := list(self.left()):
            many = f"up to {len(left)} direct pairs" if len(left) > 1 else "a direct pair"
            say(f"run-off of {len(undecided)} model{'s'[: len(undecided) > 1]}: {many}, about {minutes(sum(left))}")
        for contest in undecided:
            conclusion = contest.settle(self._held_or_measured(contest, measure, say))
            say(f"{contest.title}: {contest.in_words(conclusion)}")

    def left(self) -> Iterator[float]:
        """For each direct pair that is likely to be measured yet the seconds it will take."""
        for contest in self.contests:
            if contest.level == "smoke":
                continue
            if contest.waiting:
                yield from self._likely(contest)
            elif isinstance(step := contest.settle(self._held), Pair):
                best, *rivals = contest.field()
                missing = [rival for rival in rivals if self._held(best, rival) is None]
                for rival in missing:
                    yield self._expected(best, rival)
                if not missing:
                    yield self._expected(contest.ok[step.way], contest.ok[step.rival], step.analysis)

    def _likely(self, contest: Contest) -> Iterator[float]:
        """The pairs of a contest of which nobody knows yet between which ways they will be."""
        # Against the common reference every way is timed in the matrix already.
        run = [r for r in contest.records if r.status == "ok" or r.status not in STATUSES]
        ways = [r for r in run if not _is_planned_control(r)]
        for rival in ways[1 : RIVALS + 1]:
            yield self._expected(ways[0], rival)

    def _held_or_measured(self, contest: Contest, measure: Measure, say: Say) -> Lookup:
        """Takes the direct result that stands there, and measures what is missing."""

        def look_up(way: Record, rival: Record, analysis: int) -> PairedResult | None:
            held = self._held(way, rival, analysis)
            if held is not None:
                return held
            planned = _planned(way, rival, analysis)
            record, event = measure(Task(planned, why(planned, self.held.get(planned.key), self.rerun)))
            self._keep(planned.key, record, event)
            direct = direct_of(record)
            again = ", once more" if analysis > 1 else ""
            who = f"{contest.title}: {way_label(way)} against {way_label(rival)}{again}"
            came_to = ratio_text(direct.published) if direct.ratio else record.reason.partition("\n")[0][:100]
            say(f"[run-off {self.measured}] {record.status:<10} {who}  {came_to}  ({event.get('seconds', 0):.0f} s)")
            return direct

        return look_up

    def _keep(self, key: str, record: Record, event: Event) -> None:
        self.held[key] = record
        if "effort" in event:
            self.durations.add(event)
        self.measured += 1

    def _held(self, way: Record, rival: Record, analysis: int = 1) -> PairedResult | None:
        """The direct result that stands there, in whichever direction it was measured, if it need not run again."""
        for inverted, planned in enumerate((_planned(way, rival, analysis), _planned(rival, way, analysis))):
            record = self.held.get(planned.key)
            if record and not why(planned, record, self.rerun):
                return direct_of(record).inverted() if inverted else direct_of(record)
        return None

    def _expected(self, way: Record, rival: Record, analysis: int = 1) -> float:
        """Seconds of an analysis of a direct pair: what pairs like it took, or trials of this model, by processes."""
        planned = _planned(way, rival)
        pairs = level_of(planned.trial).replicates
        return self.durations.expected(planned) * processes_of(analysis, pairs) / pairs


def _is_planned_control(record: Record) -> bool:
    """Whether a trial's way is its own reference, by its parameters alone: it need not have run."""
    trial = make(record.trial)
    return trial.reference_way == trial.way


def not_run(planned: Planned) -> Record:
    """What stands for a trial that has not run yet."""
    return Record(planned.key, planned.name, planned.status or NOT_RUN, planned.trial.model_dump())


def _planned(way: Record, rival: Record, analysis: int = 1) -> Planned:
    """The trial that times two ways directly against each other."""
    trial = make(pair_parameters(way, rival, analysis))
    planned = Planned(trial, trial.key())
    if rule := refusal(trial):
        planned.status, planned.reason = "refused", rule
    elif missing := lacks(trial):
        planned.status, planned.reason = "skipped", missing
    return planned
