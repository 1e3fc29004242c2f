"""A trial's record from planted samples and sessions, by the way that a real one takes: `measuring.evaluate`, then
`assemble`. Nothing is started and nothing is timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from benchlib.measure.controller import Measurement, Process
from benchlib.measure.samples import STEADY, WARMUP, Block, Samples
from benchlib.mistakes import make
from benchlib.record import Record, StepTime
from benchlib.record.metadata import Artifact, SavedModel, Session
from benchlib.record.metrics import Metrics
from benchlib.stages import measuring
from benchlib.stages.assemble import assemble
from benchlib.stages.context import start_context
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.loading import Model
from benchlib.stages.outcome import Outcome

LATENCY, CALLS, ROUNDS, PAIRS = 5e-3, 10, 20, 5
INPUTS = "a" * 64
TRIAL = {
    "model": "planted/plain", "exporter": "planted", "level": "quick", "batch_size": 4, "num_cores": 2,
    "reference": {"exporter": "planted", "runtime_args": {"seconds": 0.01}},
}  # fmt: skip
Law = Callable[[int, int, int, np.random.Generator], np.ndarray]  # contender, replicate, round, chance -> (CALLS,)


def plain(latency: float = LATENCY, factor: float = 1.0, noise: float = 0.02) -> Law:
    """Latencies around one value; those of the reference are `factor` times as long."""
    return lambda contender, replicate, round_, chance: (
        latency * (1.0 if contender else factor) * np.exp(chance.normal(0, noise, CALLS))
    )


def make_samples(
    latency: float = LATENCY,
    gap: float = 1e-6,
    cores: float = 1.9,
    *,
    law: Law | None = None,
    pairs: int = PAIRS,
    rounds: int = ROUNDS,
    calls: int = CALLS,
) -> Samples:
    """Two contenders in turns; `gap` seconds between calls, `cores` busy during a block; the first call of a block is
    three times as long and discarded."""
    law = law or plain(latency)
    chance, samples, now = np.random.default_rng(0), Samples(["eager", "script"]), 10**9
    for pair in range(pairs):
        for round_ in range(-1, rounds):
            for contender in (0, 1):
                seconds = law(contender, pair, round_, chance)[:calls]
                ns = (np.concatenate([[3 * seconds[0]], seconds]) * 1e9).astype(np.uint64)
                end = now + int(ns.sum()) + int(gap * 1e9) * len(ns)
                phase = WARMUP if round_ < 0 else STEADY
                skip = int(round_ >= 0)
                samples.blocks.append(
                    Block(contender, pair, round_, phase, now, end, int(cores * (end - now)), skip, ns)
                )
                now = end + 10**6
    return samples


def make_session(**facts) -> Session:
    """A session of the planted runtime, with two threads."""
    plain = {"providers": "Planted", "threads": 2, "input_hash": INPUTS, "precision": {"matmul": "ieee"}}
    return Session(**(plain | {"time_import": 0.01, "time_session": 0.02} | facts))


def assembled(
    samples: Samples,
    *,
    odd: Session | None = None,
    trial: dict | None = None,
    sessions: Sequence[Session] | None = None,
    metrics: dict | None = None,
) -> Record:
    """The record of a trial whose contenders took these samples.

    Args:
        samples: of both contenders.
        odd: the session of the trial's own way in the last replicate, where it is another than the first one's.
        trial: parameters besides `TRIAL`.
        sessions: of both contenders.
        metrics: of the saved model.
    """
    context = start_context(make(TRIAL | (trial or {})))
    steps = {name: StepTime(1.0, "ok") for name in ("load", "export", "open", "check")}
    steps["measure"] = StepTime((samples.blocks[-1].end - samples.blocks[0].start) / 1e9 + 1, "ok")
    context = replace(context, clock=time.perf_counter() - sum(s.seconds for s in steps.values()) - 1)
    own = list(sessions or (make_session(), make_session()))
    opened = [
        SimpleNamespace(contender=SimpleNamespace(label=way.label, input_sets={}), session=session)
        for way, session in zip(context.ways, own, strict=True)
    ]
    count = len(samples.replicates)
    processes = [[Process(session, 0.02, "forked") for session in own] for _ in range(count)]
    if odd:
        processes[-1][-1] = Process(odd, 0.02, "forked")
    measurement = Measurement(
        samples,
        processes=processes,
        warmed_up=[[True, True]] * count,
        half_widths=[[0.01, 0.01]] * count,
        seconds=1.0,
    )
    metadata = SavedModel((), {}, {}, INPUTS, metrics=Metrics(time_load=0.5, input_hash=INPUTS, **(metrics or {})))
    model = Model(context.scratch, "key", {"parameters": {"inputs": None}}, metadata, False)
    file = context.scratch / "artifact"
    artifacts = {way.label: BuiltArtifact(file, Artifact(file)) for way in context.ways}
    check = SimpleNamespace(equal=True, problem="", metrics=Metrics(), rows=[], unverified="")
    truth = SimpleNamespace(recorded="", right=lambda number: None)
    comparison = SimpleNamespace(check=check, ground_truth=truth, unverified="")
    timing = measuring.evaluate(context, model, artifacts, opened, comparison, measurement)
    outcome = Outcome(
        steps=steps, model=model, artifacts=artifacts, sessions=opened, comparison=comparison,
        measurement=measurement, timing=timing,
    )  # fmt: skip
    return assemble(context, outcome)
