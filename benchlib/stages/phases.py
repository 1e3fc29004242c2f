"""What it takes before a call is steady: import, load, export, session, first call, warm-up; never folded into a
latency. A phase that each process goes through has a sample per process; an export has the one of the real export."""

from __future__ import annotations

import numpy as np

from benchlib.measure import statistics
from benchlib.measure.samples import WARMUP
from benchlib.record.metrics import Metrics
from benchlib.registries import exporters
from benchlib.stages.measured import Measured

DECIDED = (statistics.FASTER, statistics.SLOWER)  # verdicts that say which of the two is the shorter one


def phases_of(measured: Measured, contender: int) -> dict[str, list[float]]:
    """Seconds of each phase: one value per process, of `export` the single one there is, of `load` too."""
    processes = [replicate[contender] for replicate in measured.measurement.processes]
    way, samples = measured.context.ways[contender], measured.samples
    phases = {
        "import": [p.session.time_import for p in processes],
        "session": [p.session.time_session for p in processes],
        "first": [p.time_first for p in processes],
        "warmup": [float(samples.wall(contender, replicate, WARMUP)) for replicate in samples.replicates],
        "load": [measured.model.metadata.metrics["time_load"]],
    }
    if exporters.get(way.exporter).compiles:  # the first process compiled into an empty cache, at its first call
        phases["export"], phases["first"] = phases["first"][:1], phases["first"][1:] or phases["first"]
    else:
        phases["export"] = [measured.artifacts[way.label].metadata.time_export or 0.0]
    return phases


def phase_metrics(measured: Measured, contender: int) -> Metrics:
    """The median of each phase."""
    phases = phases_of(measured, contender)
    metrics = Metrics({f"time_{n}": float(np.median(values)) for n, values in phases.items() if n != "warmup"})
    metrics["time_to_steady"] = float(np.median(phases["warmup"]))
    caches = [replicate[contender].session.compile_cache for replicate in measured.measurement.processes]
    if any(caches):
        metrics["compile_cache"] = ", ".join(str(c) for c in caches)
    return metrics


def break_even(measured: Measured, own: int, reference: int = 0) -> Metrics:
    """Calls until the way has paid for its export and opening, with an interval over the replicates."""
    samples = measured.samples
    candidate, baseline = phases_of(measured, own), phases_of(measured, reference)
    prepared = [
        phases["export"][0] + measured.artifacts[measured.context.ways[index].label].metadata.time_passes
        for phases, index in ((candidate, own), (baseline, reference))
    ]
    costs = np.subtract(candidate["session"], baseline["session"]) + prepared[0] - prepared[1]
    savings = np.array(
        [np.median(samples.counted(reference, r)) - np.median(samples.counted(own, r)) for r in samples.replicates]
    )
    calls = statistics.break_even(costs, savings)
    return Metrics(break_even=calls.value, break_even_low=calls.low, break_even_high=calls.high)


def only_decided(metrics: Metrics) -> Metrics:
    """The metrics without a break-even where it is not decided which way is the faster: a saving that may be none pays
    for nothing, after however many calls."""
    if metrics.get("verdict") in DECIDED:
        return metrics
    return Metrics({name: value for name, value in metrics.items() if not name.startswith("break_even")})
