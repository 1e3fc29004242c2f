"""The profiled run: a process of its own opens the way once more, with the runtime's profiler on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchlib.measure.levels import Level
from benchlib.runtimes import _placement

if TYPE_CHECKING:
    from benchlib.measure.controller import Contender, Launcher

CALLS = 10


def profiled(contender: Contender, launcher: Launcher, level: Level, seed: int) -> list[dict[str, Any]]:
    """The operators of a call by time, as `runtimes._placement` has them. Raises WorkerError.

    Without a CUDA graph, whose replay shows no operators: what is profiled are the calls that it would replay.
    """
    from benchlib.measure.controller import open_contender

    folder = launcher.scratch / "profile"
    folder.mkdir(exist_ok=True)
    request = {**contender.open["request"], "profile": str(folder), "cuda_graphs": False}
    asked = replace(contender, open={**contender.open, "request": request})
    opened = open_contender(asked, launcher, level.start, 0, seed, "profile")
    operators = opened.worker.ask("profile", launcher.left(), calls=CALLS)["operators"]
    opened.worker.end()
    return operators


def placement_metrics(facts: Mapping[str, Any], profile: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Where the work ran, from a session's facts and the profile of its way, if there is one.

    What a runtime without a graph says of its time is by device: shares and copies are of graphs.
    """
    found = {name: facts[name] for name in ("node_share", "nodes_by_provider") if name in facts}
    if not profile:
        return found
    told = _placement.summary(profile, facts["providers"])
    return found | (told if found else {"seconds_by_provider": told["seconds_by_provider"]})
