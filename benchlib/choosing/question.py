"""What is asked of a race: a model and its conditions, what to look for, the bounds to keep, how long it may take."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchlib.choosing.where import Bound
from benchlib.errors import UnknownName, UserError
from benchlib.measure.levels import LEVELS
from benchlib.measure.statistics import PERCENTILE_MINIMUM
from benchlib.plan.in_words import CONDITION_WORDS
from benchlib.record import Record
from benchlib.record.metrics import METRICS
from benchlib.registry import Parameters

LATENCY, THROUGHPUT = "latency", "throughput"
# What can be looked for, and the parameters of which several values may be given, as they compare by it.
GOALS: dict[str, tuple[str, ...]] = {LATENCY: (), THROUGHPUT: ("batch_size", "num_cores")}
LOOK = "smoke"  # the level of the first look
_MEASURED_APART = ("memory", "energy")  # parameters, and the groups of metrics that they ask for
EFFORT = (*_MEASURED_APART, "repeat")  # what bounds may ask for of a trial of full length
SPARE = 1.5  # times the independent samples that a percentile takes: neighbours in time are not independent
_SAMPLES = {f"time_latency_p{100 * share:.3g}": count for share, count in PERCENTILE_MINIMUM.items()}


@dataclass(frozen=True)
class Question:
    """Raises UserError for a goal that is none, for several values of what does not compare by it, and for a level that
    decides nothing."""

    given: Parameters  # of every trial, the model among them
    bounds: list[Bound] = field(default_factory=list)
    budget: float = 300.0  # seconds
    every: bool = False  # all ways that there are, not the usual ones alone
    goal: str = LATENCY
    varied: Mapping[str, list] = field(default_factory=dict)  # parameters with the values that are tried

    def __post_init__(self) -> None:
        if self.goal not in GOALS:
            raise UnknownName("goal", self.goal, GOALS)
        for name, values in self.varied.items():
            if name not in GOALS[self.goal]:
                may = (
                    f": by {self.goal} several of {' and '.join(GOALS[self.goal])} compare" if GOALS[self.goal] else ""
                )
                raise UserError(f"{name}: one value is wanted, not {len(values)}{may}")
        if self.level == LOOK:
            raise UserError(f"level {LOOK} decides nothing: choose takes quick or precise")

    @property
    def level(self) -> str:
        return str(self.given.get("level", "quick"))

    @property
    def title(self) -> str:
        what = "gives the most items per second" if self.goal == THROUGHPUT else "is fastest"
        return f"Which way of running {self.given['model']} {what} here, and is it still right?"

    def conditions(self) -> Iterator[Parameters]:
        """Every combination of what is varied."""
        for values in itertools.product(*self.varied.values()):
            yield dict(zip(self.varied, values, strict=True))

    def effort_for(self, record: Record) -> Parameters:
        """What a trial of full length is asked for so that the bounds can be held against something: memory and energy
        are measured on request alone, and a percentile takes samples; nothing where the level takes as many by itself.

        Args:
            record: of the first look at the way, with its latency.
        """
        needed = SPARE * max((_SAMPLES.get(bound.metric, 0) for bound in self.bounds), default=0)
        level = LEVELS[self.level]
        repeat = math.ceil(needed / level.replicates)
        measured = {group: True for bound in self.bounds if (group := METRICS[bound.metric].group) in _MEASURED_APART}
        # Of the time of a replicate each contender has half.
        if not {"repeat", "duration"}.isdisjoint(self.given) or repeat * _latency(record) <= level.replicate_time / 2:
            return measured
        return {**measured, "repeat": repeat}

    def name_of(self, way: str, values: Mapping[str, object]) -> str:
        """How a way is called under the conditions that a trial's parameters say: `script, batch 8`."""
        return ", ".join([way, *(f"{CONDITION_WORDS.get(n, n)} {values[n]}" for n in self.varied)])

    def rank_of(self, record: Record) -> float:
        """Of the trials of this question the better one has the smaller: the latency over that of the trial's own
        reference, or as it is where there is none; seconds per item."""
        metrics = record.metrics
        if self.goal == THROUGHPUT:
            return 1.0 / metrics["throughput"]
        if record.is_control:
            return 1.0
        return 1.0 / metrics["speedup"] if metrics.get("speedup") else _latency(record)


def _latency(record: Record) -> float:
    return float(record.metrics["time_latency"])
