"""The share of the machine's peaks that a trial reaches; a peak that is not known yet is measured here, by a
worker of the trial, while the trial holds the host."""

from __future__ import annotations

from collections.abc import Mapping

from benchlib.dtypes import MIXED
from benchlib.host.peaks import HostPeaks, peaks
from benchlib.record.metrics import Metrics
from benchlib.stages.context import Context
from benchlib.stages.loading import Model
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import MeasurePeaks, Peaks

_RATES = {"flops": "flop_rate", "weights_read_size": "weights_read_rate"}


def machine_share(context: Context, model: Model, latency: float) -> Metrics:
    """The metrics of the group `machine_share` for a way that takes `latency` seconds; empty where nothing is known
    of the model's work. Peaks that cannot be measured are left out: they are no reason for a trial to fail."""
    known = model.metadata.metrics
    work = Metrics({name: known[name] for name in _RATES if known.get(name)})
    rates = Metrics({_RATES[name]: amount / latency for name, amount in work.items()})
    if not rates:
        return rates
    claims = work | rates | {"time_latency": latency}
    trial = context.trial
    try:
        reached = peaks(
            lambda request: _ask(context, request),
            "float32" if trial.dtype == MIXED else trial.dtype,
            trial.device,
            context.threads,
            exceeded=lambda found: exceeds(claims | shares(rates, found)),
        )
    except WorkerError as error:
        print(f"the peaks of this host could not be measured: {error.message}")
        return rates
    return rates | shares(rates, reached)


def exceeds(metrics: Mapping[str, float]) -> bool:
    """Whether a trial's figures are beyond the peaks among them."""
    return metrics.get("peak_share", 0.0) > 1 or rate_from_memory(metrics) > metrics["memory_bandwidth"]


def rate_from_memory(metrics: Mapping[str, float]) -> float:
    """Bytes per second that memory delivered at least: of the weights that one call reads, a cache may have held as
    much as its size."""
    beyond = metrics.get("weights_read_size", 0) - (metrics["cache_size"] or 0)
    return max(0, beyond) / metrics["time_latency"]


def shares(rates: Mapping[str, float], reached: HostPeaks) -> Metrics:
    """What the rates are of the peaks."""
    metrics = Metrics(
        peak_flop_rate=reached.flop_rate,
        memory_bandwidth=reached.memory_bandwidth,
        cache_size=reached.cache_size,
    )
    if "flop_rate" in rates:
        metrics["peak_share"] = rates["flop_rate"] / reached.flop_rate
    if "weights_read_rate" in rates:
        metrics["memory_share"] = rates["weights_read_rate"] / reached.memory_bandwidth
    return metrics


def _ask(context: Context, request: MeasurePeaks) -> Peaks:
    launcher = context.launcher
    worker = launcher.start("peaks", context.level.start)
    try:
        return worker.ask(request, launcher.left())
    finally:
        worker.kill()
        launcher.workers.remove(worker)
