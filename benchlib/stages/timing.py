"""From the samples of a trial's run to its metrics: latency, throughput, speedup, and how well it was measured."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from benchlib.host import calibration, device_of
from benchlib.measure import noise, statistics
from benchlib.measure.multiplicity import p_value
from benchlib.measure.samples import STEADY, WARMUP, Samples
from benchlib.measure.steadiness import Steadiness, steadiness
from benchlib.precision import precision_differences
from benchlib.stages import phases

if TYPE_CHECKING:
    from benchlib.stages.steps import TrialRun

OVERHEAD_LIMIT = 0.05  # of a block that its own loop may be


def metrics(run: TrialRun) -> dict[str, Any]:
    """Every metric that is computed from the samples."""
    samples, level = run.measurement.samples, run.level
    own = len(samples.contenders) - 1
    found = _latency(samples, own) | {
        "throughput": run.items / float(samples.counted(own).mean()),
        "cpu_utilisation": _utilisation(samples, own),
        **_turns(run.opened[own].contender.turns),
        "worker_start": run.measurement.facts[0][own]["start"],
        "seed_order": samples.order_seed,
        "time_measure": run.measurement.seconds,
        "time_controller_cpu": run.measurement.cpu,
        "reference_way": "",
    }
    found |= _extent(samples, own) | _quality(run, own) | phases.metrics(run, own)
    if own == 0:
        return found
    reference = _latency(samples, 0)
    before = {f"{name}_reference": value for name, value in phases.metrics(run, 0).items()}
    found |= {
        "reference_way": samples.contenders[0],
        "time_latency_reference": reference["time_latency"],
        "throughput_reference": run.items / reference["time_latency_mean"],
        **{name: before[name] for name in ("time_session_reference", "time_export_reference", "time_first_reference")},
    }
    if run.ways[0].exporter == "eager":
        found |= {"time_latency_eager": reference["time_latency"], "time_warmup_eager": reference["time_warmup"]}
    differing = precision_differences({f"{o.contender.label} ({n})": o.facts for n, o in enumerate(run.opened)})
    found["not_comparable"] = "; ".join(differing)
    if run.check_result.equal and not differing:  # a wrong answer is never fast, nor is a coarser one
        rounds = [samples.rounds(p) for p in samples.pairs]
        ratio = statistics.speedup(rounds)
        calibrated = calibration.kept(run.trial.level, device_of(run.trial.device))
        smallest = calibrated.smallest_effect if calibrated else None
        found |= {
            "speedup": ratio.value,
            "speedup_low": ratio.low,
            "speedup_high": ratio.high,
            "speedup_increase": ratio.value - 1,
            "speedup_mean": reference["time_latency_mean"] / found["time_latency_mean"],
            "verdict": statistics.verdict(ratio, level.margin, level.decides_same, smallest or 0.0),
            "smallest_effect": smallest,
            "calibration": calibrated.source() if calibrated else "",
            "p_value": p_value(rounds),
            **phases.break_even(run, own),
        }
    return found


def course(samples: Samples) -> list[dict[str, Any]]:
    """How each process ran: {"contender", "pair", "flags", "levels", "modes", "correlation"}. A single process of
    a level that decides nothing is not looked at."""
    if len(samples.pairs) < 2:
        return []
    found = []
    for index in range(len(samples.contenders)):
        for pair in samples.pairs:
            seen: Steadiness | None = steadiness(samples.counted(index, pair))
            if seen:
                found.append(
                    {"contender": index, "pair": pair, "flags": list(seen.flags), "levels": list(seen.levels),
                     "modes": seen.modes, "correlation": seen.correlation}
                )  # fmt: skip
    return found


def _latency(samples: Samples, contender: int) -> dict[str, Any]:
    steady = samples.counted(contender)
    published = statistics.latency([samples.counted(contender, p) for p in samples.pairs])
    middle = statistics.median_interval(steady)
    found = {
        "time_latency": published.value,
        "time_latency_low": published.low,
        "time_latency_high": published.high,
        "time_latency_median": middle.value,
        "time_latency_median_low": middle.low,
        "time_latency_median_high": middle.high,
        "time_latency_mean": float(steady.mean()),
        "time_latency_min": float(steady.min()),
        "time_warmup": float(samples.counted(contender, phase=WARMUP).mean()),
    }
    if samples.inner > 1:  # the mean of a block has no tails
        return found
    return found | {
        "time_latency_max": float(steady.max()),
        "time_latency_std": float(steady.std(ddof=1)) if len(steady) > 1 else 0.0,
        **{f"time_latency_p{p:.0%}".rstrip("%"): statistics.percentile(steady, p) for p in (0.90, 0.95, 0.99)},
        **_far(steady),
    }


def _far(steady: np.ndarray) -> dict[str, Any]:
    """Samples more than three interquartile ranges above the upper quartile (Tukey's far points): kept, counted."""
    q1, q3 = np.quantile(steady, [0.25, 0.75])
    far = steady[steady > q3 + 3 * (q3 - q1)]
    return {"samples_far": len(far), "samples_far_share": float(far.sum() / steady.sum())}


def _turns(turns: dict[str, str]) -> dict[str, Any]:
    """How many sets of inputs took turns, and which."""
    digest = hashlib.sha256("".join(turns.values()).encode()).hexdigest()[:16]
    return {"input_sets": 1 + len(turns), "input_sets_hash": digest if turns else ""}


def _extent(samples: Samples, own: int) -> dict[str, Any]:
    """How much was measured."""
    mine = [e for e in samples.epochs if e.contender == own]
    steady = [e for e in mine if e.phase == STEADY]
    return {
        "warmup": sum(len(e.ns) * e.inner for e in mine if e.phase == WARMUP),
        "repeat": sum(len(e.ns) - e.skip for e in steady),
        "rounds": max(len(samples.rounds(p)) for p in samples.pairs),
        "processes": len(samples.pairs),
        "calls_per_epoch": max((len(e.ns) - e.skip) * e.inner for e in steady),
        "calls_per_sample": samples.inner,
    }


def _quality(run: TrialRun, own: int) -> dict[str, Any]:
    """How well it was measured: what converged, what disturbed, what course the latency took."""
    done, samples = run.measurement, run.measurement.samples
    steady = [e for e in samples.epochs if e.contender == own and e.phase == STEADY]
    widths = [width for pair in done.half_widths for width in pair]
    disturbed = noise.summary(samples)
    seen = Counter(flag for process in run.course if process["contender"] == own for flag in process["flags"])
    overhead = max(e.empty / max(float(np.median(e.ns)), 1.0) for e in steady)
    return {
        "warmup_converged": all(settled[own] for settled in done.settled),
        "converged": all(all(pair) for pair in done.converged),
        "half_width": max(widths) if math.isfinite(max(widths)) else None,
        "half_width_target": run.level.target,
        "rounds_retried": done.retried,
        "epochs": sum(e.phase == STEADY for e in samples.epochs),
        "epochs_disturbed": disturbed.pop("any"),
        "disturbances": ", ".join(f"{name} {n}" for name, n in disturbed.items() if n),
        "course": ", ".join(f"{flag} {n}/{len(samples.pairs)}" for flag, n in seen.items()),
        "overhead_share": overhead,
        "overhead_dominated": overhead > OVERHEAD_LIMIT,
        "collections": sum(e.noise.get("collections", 0) for e in steady),
        "collections_held": sum(e.noise.get("collections_held", 0) for e in steady),
    }


def _utilisation(samples: Samples, contender: int) -> float:
    epochs = [e for e in samples.epochs if e.contender == contender and e.round >= 0]
    return sum(e.cpu for e in epochs) / sum(e.end - e.start for e in epochs)
