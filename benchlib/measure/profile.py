"""The profiled run: a process of its own opens the way once more, with the runtime's profiler on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchlib.measure.contender import Contender, Launcher, open_contender
from benchlib.measure.levels import Level
from benchlib.record import OperatorTime
from benchlib.record.metadata import Session
from benchlib.record.metrics import Metrics
from benchlib.runtimes import _placement
from benchlib.worker.messages import ProfileCalls

CALLS = 10


def profile_calls(contender: Contender, launcher: Launcher, level: Level, seed: int) -> list[OperatorTime]:
    """The operators of a call by time, the slowest first. Raises WorkerError.

    Without a CUDA graph, whose replay shows no operators: what is profiled are the calls that it would replay.
    """
    folder = launcher.scratch / "profile"
    folder.mkdir(exist_ok=True)
    request = replace(contender.open, profile=str(folder), cuda_graphs=False)
    opened = open_contender(replace(contender, open=request), launcher, level.start, 0, seed, "profile")
    operators = opened.worker.ask(ProfileCalls(CALLS), launcher.left()).operators
    opened.worker.end()
    return operators


def placement_metrics(session: Session, profile: Sequence[OperatorTime]) -> Metrics:
    """Where the work ran, from a session and the profile of its way, if there is one.

    What a runtime without a graph says of its time is by device: shares and copies are of graphs.
    """
    placed = {"node_share": session.node_share, "nodes_by_provider": session.nodes_by_provider}
    metrics = Metrics({name: value for name, value in placed.items() if value is not None})
    if not profile:
        return metrics
    summary = _placement.summary(profile, session.providers)
    return metrics | (summary if metrics else {"seconds_by_provider": summary["seconds_by_provider"]})
