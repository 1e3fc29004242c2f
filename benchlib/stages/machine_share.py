"""The share of the machine's peaks that a trial reaches; a peak that is not known yet is measured here, by a
worker of the trial, while the trial holds the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchlib.host.peaks import peaks
from benchlib.worker.client import WorkerError

if TYPE_CHECKING:
    from benchlib.stages.steps import TrialRun

_RATES = {"flops": "flop_rate", "weights_read_size": "weights_read_rate"}


def metrics(run: TrialRun, latency: float) -> dict[str, Any]:
    """The metrics of the group `machine_share` for a way that takes `latency` seconds; empty where nothing is known
    of the model's work. Peaks that cannot be measured are left out: they are no reason for a trial to fail."""
    facts = run.model.meta["facts"]
    work = {name: facts[name] for name in ("flops", "weights_read_size") if facts.get(name)}
    rates = {_RATES[name]: amount / latency for name, amount in work.items()}
    if not rates:
        return {}
    claims = {**work, **rates, "time_latency": latency}
    try:
        found = peaks(
            lambda **request: _ask(run, request),
            run.trial.dtype,
            run.trial.device,
            run.threads,
            exceeded=lambda known: exceeds(claims | shares(rates, known)),
        )
    except WorkerError as error:
        print(f"the peaks of this host could not be measured: {error.message}")
        return rates
    return rates | shares(rates, found)


def exceeds(metrics: dict[str, Any]) -> bool:
    """Whether a trial's figures are beyond the peaks among them."""
    return metrics.get("peak_share", 0.0) > 1 or rate_from_memory(metrics) > metrics["memory_bandwidth"]


def rate_from_memory(metrics: dict[str, Any]) -> float:
    """Bytes per second that memory delivered at least: of the weights that one call reads, a cache may have held as
    much as its size."""
    beyond = metrics.get("weights_read_size", 0) - (metrics["cache_size"] or 0)
    return max(0, beyond) / metrics["time_latency"]


def shares(rates: dict[str, float], found: dict[str, Any]) -> dict[str, Any]:
    """What the rates are of the peaks."""
    result = {
        "peak_flop_rate": found["flop_rate"],
        "memory_bandwidth": found["memory_bandwidth"],
        "cache_size": found["cache_size"],
    }
    if "flop_rate" in rates:
        result["peak_share"] = rates["flop_rate"] / found["flop_rate"]
    if "weights_read_rate" in rates:
        result["memory_share"] = rates["weights_read_rate"] / found["memory_bandwidth"]
    return result


def _ask(run: TrialRun, request: dict[str, Any]) -> dict[str, Any]:
    worker = run.launcher.start("peaks", run.level.start)
    try:
        return worker.ask("peaks", run.launcher.left(), **request)
    finally:
        worker.kill()
        run.launcher.workers.remove(worker)
