"""One trial in this process: the steps that its notebook calls, with workers of its own, and what it would store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from benchlib.measure.samples import Samples
from benchlib.mistakes import make
from benchlib.record import Record
from benchlib.record.metrics import Metrics
from benchlib.stages.steps import TrialRun


@dataclass(frozen=True)
class Measured:
    """The record and the samples of a trial, as they are read back from an executed notebook."""

    record: Record
    samples: Samples

    @property
    def metrics(self) -> Metrics:
        return self.record.metrics


def measured(**parameters: Any) -> Measured:
    """Runs a trial. Raises RuntimeError when it does not end `ok`."""
    run = TrialRun(make(parameters))
    for step in (run.load, run.export, run.open, run.check, run.measure):
        step()
    view = run.record()
    if view.record.status != "ok":
        raise RuntimeError(f"{parameters} ended as {view.record.status}: {view.record.reason}")
    record, samples = json.loads(json.dumps([view.record.to_json(), view.samples.encode()]))
    return Measured(Record.from_json(record), Samples.decode(samples))


def planted(way: dict[str, Any], reference: dict[str, Any] | None = None, **parameters: Any) -> Measured:
    """A trial of the planted runtime with these options of its own, against another one or none."""
    against = {"exporter": "planted", "runtime_args": reference} if reference is not None else "none"
    return measured(
        **{"model": "planted/plain", "exporter": "planted", "runtime_args": way, "reference": against} | parameters
    )


def counted(loops: int) -> dict[str, Any]:
    """The options of a counted loop of the interpreter, whose speed is each process's own by up to a half."""
    return {"work": "counted", "loops": loops}


def consumed(loops: int) -> dict[str, Any]:
    """The options of a counted loop without bytecode, which is as fast in every process: a ratio of two is known."""
    return {"work": "consumed", "loops": loops}
