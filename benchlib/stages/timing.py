"""From the samples of a trial's run to its metrics: latency, throughput, speedup, phases, break-even."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchlib.host import calibration, device_of
from benchlib.measure import statistics
from benchlib.measure.multiplicity import p_value
from benchlib.measure.samples import WARMUP
from benchlib.registry import exporters

if TYPE_CHECKING:
    from benchlib.stages.steps import TrialRun


def metrics(run: TrialRun) -> dict[str, Any]:
    """Every metric that is computed from the samples."""
    samples, level = run.measurement.samples, run.level
    own = len(samples.contenders) - 1
    steady = samples.counted(own)
    found = _latency(samples, own) | {
        "throughput": run.trial.batch_size / float(steady.mean()),
        "cpu_utilisation": _utilisation(samples, own),
        "warmup": len(samples.counted(own, phase=WARMUP)),
        "repeat": len(steady),
        "rounds": max(len(samples.rounds(p)) for p in samples.pairs),
        "processes": len(samples.pairs),
        "calls_per_epoch": max(len(e.ns) - e.skip for e in samples.epochs if e.contender == own and e.round >= 0),
        "worker_start": run.measurement.facts[0][own]["start"],
        "warmup_converged": all(s[own] for s in run.measurement.settled),
        "seed_order": samples.order_seed,
        "time_measure": run.measurement.seconds,
        "reference_way": "",
    }
    found |= _phases(run, own)
    if own == 0:
        return found
    reference = _latency(samples, 0)
    cold = samples.counted(0, phase=WARMUP)
    found |= {
        "reference_way": samples.contenders[0],
        "time_latency_reference": reference["time_latency"],
        "throughput_reference": run.trial.batch_size / reference["time_latency_mean"],
    }
    if run.ways[0].exporter == "eager":
        found |= {"time_latency_eager": reference["time_latency"], "time_warmup_eager": float(cold.mean())}
    if run.check_result.equal:  # a wrong answer is never fast
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
            "break_even": statistics.break_even(
                found["time_export"] + found["time_session"],
                _phases(run, 0)["time_export"] + _phases(run, 0)["time_session"],
                found["time_latency"],
                reference["time_latency"],
            ),
        }
    return found


def _latency(samples, contender: int) -> dict[str, Any]:
    steady = samples.counted(contender)
    published = statistics.latency([samples.counted(contender, p) for p in samples.pairs])
    middle = statistics.median_interval(steady)
    return {
        "time_latency": published.value,
        "time_latency_low": published.low,
        "time_latency_high": published.high,
        "time_latency_median": middle.value,
        "time_latency_median_low": middle.low,
        "time_latency_median_high": middle.high,
        "time_latency_mean": float(steady.mean()),
        "time_latency_min": float(steady.min()),
        "time_latency_max": float(steady.max()),
        "time_latency_std": float(steady.std(ddof=1)) if len(steady) > 1 else 0.0,
        **{f"time_latency_p{p:.0%}".rstrip("%"): statistics.percentile(steady, p) for p in (0.90, 0.95, 0.99)},
        "time_warmup": float(samples.counted(contender, phase=WARMUP).mean()),
    }


def _phases(run: TrialRun, contender: int) -> dict[str, Any]:
    """Import, export, session and first call: one sample per process, the export's own one."""
    facts = [replicate[contender] for replicate in run.measurement.facts]
    way = run.ways[contender]
    later = facts[1:] if exporters.get(way.exporter).compiles and len(facts) > 1 else facts
    phases = {
        "time_import": float(np.median([f["time_import"] for f in facts])),
        "time_session": float(np.median([f["time_session"] for f in facts])),
        "time_first": float(np.median([f["time_first"] for f in later])),
    }
    if exporters.get(way.exporter).compiles:
        return phases | {"time_export": facts[0]["time_first"], "compile_cache": "cold"}
    return phases | {"time_export": run.artifacts[way.label].facts.get("time_export", 0.0)}


def _utilisation(samples, contender: int) -> float:
    epochs = [e for e in samples.epochs if e.contender == contender and e.round >= 0]
    return sum(e.cpu for e in epochs) / sum(e.end - e.start for e in epochs)
