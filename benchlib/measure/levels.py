"""How much measuring a level asks for, and what fixed numbers of a trial override."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from benchlib.measure.statistics import least_claimed
from benchlib.trial import Trial


@dataclass(frozen=True)
class Level:
    """One level of effort. Times in seconds."""

    replicates: int  # processes per contender
    start: str  # forked or fresh
    margin: float  # no verdict on differences smaller than this share
    decides_same: bool  # whether "same" may be said at all
    min_rounds: int = 20  # of a call under 50 ms
    min_rounds_slow: int = 6  # of a slower one: the median of fewer samples has no interval
    block_time: float = 0.04  # of each contender at least, the calls after the stop included
    target: float = 0.03  # the median of a process is wanted within ± this share …
    budget: float = 2.0  # … for which a replicate measures so long at most
    replicate_time: float = 1.0  # but at least so long, and in proportion to what starting it took:
    start_share: float = 1.0  # of those seconds …
    replicate_limit: float = 20.0  # … so many at most
    reference_load: bool = True  # each process tells at its start and end how fast the machine is
    warmup_min: int = 5  # calls
    warmup_time: float = 0.5
    warmup_limit: float = 10.0
    warmup_tolerance: float = 0.02  # medians of neighbouring windows may differ by this share
    warmup_calls: int | None = None  # fixed by the trial
    repeat: int | None = None  # steady samples per process, fixed by the trial
    duration: float | None = None  # seconds per replicate, fixed by the trial

    def least(self, floor: float) -> float:
        """The smallest ratio − 1 that a verdict claims, where the noise of the host sets a `floor`: a level that may
        not say "same" claims nothing within its margin."""
        return least_claimed(self.margin, self.decides_same, floor)


LEVELS = {
    "smoke": Level(replicates=1, start="forked", margin=float("inf"), decides_same=False,
                   min_rounds=3, min_rounds_slow=2, block_time=0.01, budget=0.05,
                   replicate_time=0.05, replicate_limit=2.0, reference_load=False,
                   warmup_min=2, warmup_time=0.02, warmup_limit=1.0),
    # Six replicates, so that each of two contenders starts first equally often, and each a sixth shorter than five
    # would be: starting and measuring together, as starting is not shortened.
    "quick": Level(replicates=6, start="forked", margin=0.10, decides_same=False,
                   min_rounds=16, min_rounds_slow=6, block_time=0.033, budget=1.5,
                   replicate_time=0.83, start_share=0.67, replicate_limit=16.0,
                   warmup_time=0.2, warmup_limit=0.6, warmup_tolerance=0.05),
    "precise": Level(replicates=6, start="fresh", margin=0.02, decides_same=True, block_time=0.08, target=0.01,
                     budget=10.0, replicate_time=2.0, replicate_limit=60.0),
}  # fmt: skip

SAMPLES_LIMIT = 50_000  # per trial; blocks get shorter, nothing is thinned


def level_of(trial: Trial) -> Level:
    """The level of a trial, with its own fixed numbers put in. CUDA workers always start fresh."""
    level = LEVELS[trial.level]
    fixed: dict[str, Any] = {
        "warmup_calls": None if trial.warmup == "auto" else trial.warmup,
        "repeat": None if trial.repeat == "auto" else trial.repeat,
        "duration": None if trial.duration == "auto" else trial.duration,
    }
    if trial.processes != "auto":
        fixed["replicates"] = trial.processes
    if trial.warmup_time != "auto":
        fixed["warmup_time"] = fixed["warmup_limit"] = trial.warmup_time
    if trial.device != "cpu":
        fixed["start"] = "fresh"
    return replace(level, **fixed)
