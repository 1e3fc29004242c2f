"""What is asked of a race: a model and its conditions, what to look for, the bounds to keep, how long it may take."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchlib.choosing.where import Bound
from benchlib.errors import UnknownName, UserError
from benchlib.plan.in_words import CONDITION_WORDS
from benchlib.record import Record
from benchlib.registry import Parameters

LATENCY, THROUGHPUT = "latency", "throughput"
# What can be looked for, and the parameters of which several values may be given, as they compare by it.
GOALS: dict[str, tuple[str, ...]] = {LATENCY: (), THROUGHPUT: ("batch_size", "num_cores")}
LOOK = "smoke"  # the level of the first look


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
        return 1.0 / metrics["speedup"] if metrics.get("speedup") else float(metrics["time_latency"])
