"""From the samples of a trial's run to its metrics: latency, throughput, speedup, and how well it was measured.

A sample becomes a speedup in `_speedup`: medians of interleaved blocks, a ratio per replicate, an interval over
replicates (`benchlib.measure.statistics.speedup`), widened by what moves between trials.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchlib.host import calibration, device_of
from benchlib.measure import agreement, noise, statistics, verdicts
from benchlib.measure.multiplicity import p_value
from benchlib.measure.reproducibility import between_trials, reproducibility
from benchlib.measure.samples import STEADY, WARMUP, Samples
from benchlib.measure.steadiness import TOO_FEW, steadiness
from benchlib.measure.verdicts import Rule
from benchlib.precision import precision_differences
from benchlib.record import ProcessStability
from benchlib.record.metrics import Metrics
from benchlib.stages.measured import Measured
from benchlib.stages.phases import break_even, only_decided, phase_metrics
from benchlib.stages.quiet import host_busy, quiet_metrics

DECISIONS = ("verdict", "p_value")
OVERHEAD_LIMIT = 0.05  # of a sample that its own loop may be
FAR_MINIMUM = 20  # samples; of fewer the quartiles say too little to call one of them far


def timing_metrics(measured: Measured) -> Metrics:
    """Every metric that is computed from the samples."""
    samples, own = measured.samples, measured.own
    metrics = _latency(samples, own) | {
        "throughput": measured.items * call_rate(samples, own),
        "cpu_utilisation": _utilisation(samples, own),
        "worker_start": measured.measurement.processes[0][own].start,
        "seed_order": samples.order_seed,
        "time_measure": measured.measurement.seconds,
        "time_controller_cpu": measured.measurement.cpu,
        "reference_way": "",
    }
    metrics |= _rotation(measured.sessions[own].contender.input_sets)
    metrics |= _extent(samples, own)
    metrics |= _quality(measured)
    metrics |= quiet_metrics(measured)
    metrics |= phase_metrics(measured, own)
    return metrics | _against_reference(measured, metrics) if own else metrics


def call_rate(samples: Samples, contender: int) -> float:
    """Calls per second while a contender has its turn: counted calls ÷ the time in which they were made, from the first
    start to the last end within each of its steady blocks.

    What is discarded, the loops' own overhead, and what it takes to read the clocks of a block and to keep outputs
    between two of its calls are left out; whatever else goes by between two calls counts.
    """
    blocks = [b for b in samples.blocks if b.contender == contender and b.phase == STEADY]
    calls = sum((len(b.ns) - b.discarded) * b.loops for b in blocks)
    return calls / sum(float(b.seconds.sum()) * b.loops + b.between for b in blocks)


def process_stability(samples: Samples) -> list[ProcessStability]:
    """How steady each process ran. A single process of a level that decides nothing is not looked at."""
    if len(samples.replicates) < 2:
        return []
    stability = []
    for contender in range(len(samples.contenders)):
        for replicate in samples.replicates:
            if seen := steadiness(samples.counted(contender, replicate)):
                modes = list(seen.modes) if seen.modes else None
                stability.append(
                    ProcessStability(contender, replicate, [*seen.flags], [*seen.levels], modes, seen.correlation)
                )
    return stability


def _against_reference(measured: Measured, own: Metrics) -> Metrics:
    """The reference's own figures, and what the way is to it: a speedup, or why the two are not comparable."""
    samples, ways = measured.samples, measured.context.ways
    reference, phases = _latency(samples, 0), phase_metrics(measured, 0)
    metrics = Metrics(
        reference_way=samples.contenders[0],
        time_latency_reference=reference["time_latency"],
        throughput_reference=measured.items * call_rate(samples, 0),
    )
    metrics |= {f"{name}_reference": phases[name] for name in ("time_session", "time_export", "time_first")}
    if ways[0].exporter == "eager":
        metrics |= {"time_latency_eager": reference["time_latency"], "time_warmup_eager": reference["time_warmup"]}
    precision = {f"{o.contender.label} ({n})": o.session.precision for n, o in enumerate(measured.sessions)}
    differences = precision_differences(precision)
    metrics["not_comparable"] = "; ".join(differences)
    if measured.comparison.check.equal and not differences:  # a wrong answer is never fast, nor is a coarser one
        decides = not measured.comparison.unverified  # what nobody could compare is shown, and decides nothing
        found = _speedup(measured, own["disturbed_by"].split(", ") if own["disturbed_by"] else ())
        metrics |= {n: v for n, v in found.items() if decides or n not in DECISIONS}
        metrics["speedup_mean"] = reference["time_latency_mean"] / own["time_latency_mean"]
    return metrics


def _speedup(measured: Measured, causes: Sequence[str]) -> Metrics:
    """The paired ratio of latencies with its interval, what it decides, and when the way has paid for itself; `causes`
    disturbed the trial, so that it decides nothing."""
    samples, level, trial = measured.samples, measured.context.level, measured.context.trial
    rounds = [samples.rounds(replicate) for replicate in samples.replicates]
    within = statistics.speedup(rounds)
    moves = reproducibility(within.value, host_busy(samples))
    ratio = between_trials(within, moves)
    calibrated = calibration.kept(trial.level, device_of(trial.device))
    floor = calibrated.floor if calibrated else None
    metrics = Metrics(
        speedup=ratio.value,
        speedup_low=ratio.low,
        speedup_high=ratio.high,
        reproducibility=moves if ratio.low is not None else None,
        speedup_increase=ratio.value - 1,
        verdict=verdicts.decide(ratio, Rule(level.margin, level.decides_same, floor or 0.0), causes),
        smallest_effect=calibrated.smallest_effect if calibrated else None,
        verdict_floor=floor,
        calibration=calibrated.source() if calibrated else "",
        p_value=p_value(rounds),
    )
    return only_decided(metrics | break_even(measured, measured.own))


def _latency(samples: Samples, contender: int) -> Metrics:
    steady = samples.counted(contender)
    published = statistics.latency([samples.counted(contender, r) for r in samples.replicates])
    middle = statistics.median_interval(steady)
    metrics = Metrics(
        time_latency=published.value,
        time_latency_low=published.low,
        time_latency_high=published.high,
        time_latency_median=middle.value,
        time_latency_median_low=middle.low,
        time_latency_median_high=middle.high,
        time_latency_mean=float(steady.mean()),
        time_warmup=float(samples.counted(contender, phase=WARMUP).mean()),
    )
    if samples.loops_of(contender) > 1:  # the mean of several calls has no tails, and its smallest one is no call's
        return metrics
    independent = statistics.independent_count(steady)
    metrics |= {
        "time_latency_min": float(steady.min()),
        "time_latency_max": float(steady.max()),
        "time_latency_std": float(steady.std(ddof=1)) if len(steady) > 1 else None,
        "samples_independent": independent,
    }
    percentiles = {p: statistics.percentile(steady, p, independent) for p in (0.90, 0.95, 0.99)}
    metrics |= {f"time_latency_p{p:.0%}".rstrip("%"): value for p, value in percentiles.items()}
    return metrics | (_far_samples(steady) if len(steady) >= FAR_MINIMUM else {})


def _far_samples(steady: np.ndarray) -> Metrics:
    """Samples more than three interquartile ranges above the upper quartile (Tukey's far points): kept, counted."""
    q1, q3 = np.quantile(steady, [0.25, 0.75])
    far = steady[steady > q3 + 3 * (q3 - q1)]
    return Metrics(samples_far=len(far), samples_far_share=float(far.sum() / steady.sum()))


def _rotation(input_sets: Mapping[Path, str]) -> Metrics:
    """How many sets of inputs took turns, and which."""
    digest = hashlib.sha256("".join(input_sets.values()).encode()).hexdigest()[:16]
    return Metrics(input_sets=1 + len(input_sets), input_sets_hash=digest if input_sets else "")


def _extent(samples: Samples, own: int) -> Metrics:
    """How much was measured."""
    blocks = [b for b in samples.blocks if b.contender == own]
    steady = [b for b in blocks if b.phase == STEADY]
    return Metrics(
        warmup=sum(len(b.ns) * b.loops for b in blocks if b.phase == WARMUP),
        repeat=sum(len(b.ns) - b.discarded for b in steady),
        rounds=max(len(samples.rounds(r)) for r in samples.replicates),
        processes=len(samples.replicates),
        calls_per_epoch=max((len(b.ns) - b.discarded) * b.loops for b in steady),
        calls_per_sample=samples.loops_of(own),
    )


def _quality(measured: Measured) -> Metrics:
    """How well it was measured: what converged, what disturbed, what course the latency took."""
    samples, measurement, own = measured.samples, measured.measurement, measured.own
    steady = [b for b in samples.blocks if b.contender == own and b.phase == STEADY]
    half_width = max(width for replicate in measurement.half_widths for width in replicate)
    disturbed = noise.summary(samples)
    spread = agreement.process_spread([samples.counted(own, r) for r in samples.replicates])
    overhead = max(b.loop_overhead / max(float(np.median(b.ns)), 1.0) for b in steady)
    return Metrics(
        warmup_converged=all(replicate[own] for replicate in measurement.warmed_up),
        half_width=half_width if math.isfinite(half_width) else None,
        rounds_retried=measurement.retried,
        epochs=sum(b.phase == STEADY for b in samples.blocks),
        epochs_disturbed=disturbed.pop("any"),
        disturbances=", ".join(f"{name} {n}" for name, n in disturbed.items() if n),
        course=_course(measured),
        processes_differ=spread.differ if spread else None,
        process_spread=spread.spread if spread else None,
        overhead_share=overhead,
        overhead_dominated=overhead > OVERHEAD_LIMIT,
        collections=sum(b.noise.get("collections", 0) for b in steady),
        collections_held=sum(b.noise.get("collections_held", 0) for b in steady),
    )


def _course(measured: Measured) -> str:
    """In how many of the processes that were looked at each flag was found, and for how many there was too little."""
    own = [process for process in measured.stability if process.contender == measured.own]
    flags = Counter(flag for process in own for flag in process.flags)
    processes = len(measured.samples.replicates)
    parts = [f"{flag} {n}/{len(own)}" for flag, n in flags.items()]
    if len(own) < processes:
        parts.append(f"{TOO_FEW} {processes - len(own)}/{processes}")
    return ", ".join(parts)


def _utilisation(samples: Samples, contender: int) -> float:
    blocks = [b for b in samples.blocks if b.contender == contender and b.round >= 0]
    return sum(b.cpu for b in blocks) / sum(b.end - b.start for b in blocks)
