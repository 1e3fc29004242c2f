"""The harness's timing worker on its own: opened as a trial opens it, and asked for blocks one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchlib.measure.contender import Contender, Opened
from benchlib.measure.levels import LEVELS
from benchlib.measure.warmup import warm_up
from benchlib.mistakes import make
from benchlib.stages.steps import TrialRun


def planted_contender(options: dict[str, Any]) -> Contender:
    """A planted contender, as a trial would open it."""
    asked = {"model": "planted/plain", "exporter": "planted", "reference": "none", "runtime_args": options}
    run = TrialRun(make(asked))
    try:
        for step in (run.load, run.export, run.open):
            step()
    finally:
        run.record()  # ends its workers
    return run.outcome.sessions[-1].contender


def calls_of(opened: Opened, seconds: float) -> int:
    """How many calls a block of so many seconds has, found by warming up; leaves the worker stopped."""
    opened.outputs(None)
    warmup, _ = warm_up(opened, LEVELS["quick"])
    opened.freeze()
    return max(1, round(seconds * 1e9 / float(np.median(warmup[-1].ns))))
