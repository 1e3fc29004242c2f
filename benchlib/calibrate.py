"""Runs the A/A calibration of this host: one trial of twenty pairs, in which a way is compared with itself."""

from __future__ import annotations

import datetime
import os

from benchlib.errors import UserError
from benchlib.host import calibration, device_of
from benchlib.measure import thresholds, verdicts
from benchlib.measure.levels import LEVELS
from benchlib.mistakes import make
from benchlib.record.metrics import Metrics
from benchlib.stages import TrialRun

PAIRS = 24  # four groups of six, as a trial has
# A model of some milliseconds that needs nothing but torch.
TRIAL = {"model": "explicit/mlp", "batch_size": 8192, "exporter": "eager"}


def calibrate(level: str, device: str = "cpu") -> calibration.Calibration:
    """Calibrates this host for a level and stores the result, unless others disturbed it; waits for the host as a trial
    does.

    The whole harness is used, with as many rounds and as much warm-up as the level has, but with PAIRS pairs.
    Raises UserError when the trial fails.
    """
    load = os.getloadavg()[0]
    run = TrialRun(make({**TRIAL, "level": level, "device": device, "processes": PAIRS}))
    try:
        for step in (run.load, run.export, run.open, run.check, run.measure):
            step()
        record = run.record().record
    finally:
        run.context.launcher.end()
    if record.status != "ok":
        raise UserError(f"the calibration {record.status} at stage {record.stage}: {record.reason}")
    samples = run.outcome.measurement.samples
    found = calibration.evaluate(
        [samples.rounds(replicate) for replicate in samples.replicates],
        level,
        LEVELS[level],
        date=f"{datetime.date.today()}",
        device=device_of(device),
        latency=record.metrics["time_latency"],
        load=load,
        disturbed=why_disturbed(record.metrics),
    )
    calibration.keep(found)
    return found


def why_disturbed(metrics: Metrics) -> str:
    """Why the metrics of a trial say nothing of this host when it is quiet, in words; "" where they do."""
    if causes := metrics.get("disturbed_by"):
        return verdicts.in_words(causes)
    busy = metrics.get("host_busy") or 0.0
    return f"others kept {busy:.0%} of the cores busy" if busy > thresholds.BUSY else ""
