"""What it takes before a call is steady: import, load, export, session, first call, warm-up; never folded into a
latency. A phase that each process goes through has a sample per process; an export has the one of the real export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchlib.measure import statistics
from benchlib.measure.samples import WARMUP
from benchlib.registries import exporters

if TYPE_CHECKING:
    from benchlib.stages.steps import TrialRun


def of_contender(run: TrialRun, contender: int) -> dict[str, list[float]]:
    """Seconds of each phase: one value per process, of `export` the single one there is, of `load` too."""
    facts = [replicate[contender] for replicate in run.measurement.facts]
    way, samples = run.ways[contender], run.measurement.samples
    found = {phase: [f[f"time_{phase}"] for f in facts] for phase in ("import", "session", "first")}
    found["warmup"] = [float(samples.wall(contender, pair, WARMUP)) for pair in samples.pairs]
    found["load"] = [run.model.meta["facts"]["time_load"]]
    if exporters.get(way.exporter).compiles:  # the first process compiled into an empty cache, at its first call
        found["export"], found["first"] = found["first"][:1], found["first"][1:] or found["first"]
    else:
        found["export"] = [run.artifacts[way.label].facts.get("time_export", 0.0)]
    return found


def metrics(run: TrialRun, contender: int) -> dict[str, Any]:
    """The median of each phase."""
    found = of_contender(run, contender)
    medians = {f"time_{phase}": float(np.median(values)) for phase, values in found.items() if phase != "warmup"}
    medians["time_to_steady"] = float(np.median(found["warmup"]))
    caches = [replicate[contender].get("compile_cache") for replicate in run.measurement.facts]
    if any(caches):
        medians["compile_cache"] = ", ".join(str(c) for c in caches)
    return medians


def break_even(run: TrialRun, own: int, reference: int = 0) -> dict[str, Any]:
    """Calls until the way has paid for its export and opening, with an interval over the pairs of processes."""
    samples = run.measurement.samples
    ours, theirs = of_contender(run, own), of_contender(run, reference)
    made = [phases["export"][0] + _passes(run, index) for phases, index in ((ours, own), (theirs, reference))]
    costs = np.subtract(ours["session"], theirs["session"]) + made[0] - made[1]
    savings = np.array(
        [np.median(samples.counted(reference, p)) - np.median(samples.counted(own, p)) for p in samples.pairs]
    )
    found = statistics.break_even(costs, savings)
    return {"break_even": found.value, "break_even_low": found.low, "break_even_high": found.high}


def _passes(run: TrialRun, contender: int) -> float:
    return run.artifacts[run.ways[contender].label].facts.get("time_passes", 0.0)
