"""Was the host quiet enough for the figures of a trial? What others took, how well the figures are known, and what of
that makes a verdict worthless."""

from __future__ import annotations

import math

import numpy as np

from benchlib.measure import noise, statistics, verdicts
from benchlib.measure.samples import Samples
from benchlib.measure.statistics import Interval
from benchlib.record.metrics import Metrics
from benchlib.stages.measured import Measured


def quiet_metrics(measured: Measured) -> Metrics:
    """What the host and the reference load say of a trial, how well its figure is known, and `disturbed_by`."""
    lost = [noise.time_lost(measured.samples, contender) for contender in range(len(measured.sessions))]
    known = [loss for loss in lost if loss]
    level = measured.context.trial.level
    widths = [width for replicate in measured.measurement.half_widths for width in replicate]
    found = verdicts.convergence(level, _published(measured), widths)
    disturbance = verdicts.Disturbance(
        lost=max((loss.lost for loss in known), default=None),
        load_moved=noise.load_moved(measured.samples),
        width=None if found.converged else found.width,
        gpu=measured.measurement.gpu,
    )
    gated = math.isfinite(measured.context.level.margin)
    metrics = Metrics(
        converged=found.converged if found.ratio_target else None,
        half_width_published=_finite(found.ratio),
        half_width_published_target=found.ratio_target,
        half_width_process=_finite(found.process),
        half_width_target=found.process_target,
        reference_load_moved=disturbance.load_moved,
        disturbed_by=", ".join(disturbance.causes()) if gated else "",
    )
    for suffix, loss in (("", lost[measured.own]), ("_reference", lost[0] if measured.own else None)):
        if loss:
            metrics |= {f"time_lost{suffix}": loss.lost, f"oversubscribed{suffix}": loss.oversubscribed}
    return metrics | _host_metrics(measured)


def host_busy(samples: Samples) -> float | None:
    """The share of the allowed cores that others took, over the replicates; None: not known."""
    busy = [load.busy for load in samples.host if load.busy is not None]
    return float(np.mean(busy)) if busy else None


def _published(measured: Measured) -> Interval:
    """The interval that is published: of the speedup, or of the latency where nothing is compared."""
    samples = measured.samples
    if measured.own:
        return statistics.speedup([samples.rounds(replicate) for replicate in samples.replicates])
    return statistics.latency([samples.counted(0, replicate) for replicate in samples.replicates])


def _host_metrics(measured: Measured) -> Metrics:
    """What others took of the host, over the replicates, and how long the trial waited for them to stop."""
    loads, busy = measured.samples.host, host_busy(measured.samples)
    return Metrics(
        host_busy=busy,
        host_not_measured=next((load.problem for load in loads if load.problem), ""),
        harness_busy=float(np.mean([load.harness_busy for load in loads])) if busy is not None else None,
        waited_for_quiet=measured.measurement.waited,
        replicates_quiet=sum(load.was_quiet is True for load in loads),
        replicates_busy=sum(load.was_quiet is False for load in loads),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
