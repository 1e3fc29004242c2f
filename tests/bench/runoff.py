"""The run-off on real processes: does it name the way that is 10 % faster, and tell apart what nobody can?

Each study has four ways, counted loops whose numbers of turns stand as 1.00 : 1.015 : 1.03 : 0.90, about 1 ms per call.
Every way is timed beside a reference, then the run-off asks for direct pairs, by the same core, controller and workers
as in a sweep, at level quick with a fixed number of samples; only the notebooks are left out. The same study without
the fast way, with direct pairs of its own, has to end as a tie. A count below 19 (18) of 20 is missed.
"""

from __future__ import annotations

import functools
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchlib import machine, tensors
from benchlib.measure import statistics
from benchlib.measure.contender import Contender, Launcher, open_contender
from benchlib.measure.controller import measure
from benchlib.measure.levels import level_of
from benchlib.measure.lock import alone
from benchlib.measure.runoff import Conclusion, Contestant, Fastest, Pair, PairedResult, Tie, processes_of, settle
from benchlib.trial import Trial
from benchlib.worker import process
from benchlib.worker.client import Lease, Server
from benchlib.worker.messages import OpenSession
from tests.bench.figure import Figure

STUDIES = 20
TURNS = {"one": 1.0, "two": 1.015, "three": 1.03, "fast": 0.90}  # of the loops, relative to the reference's
CALL = 1e-3  # seconds of a call of the reference, about
TRIAL = Trial(model="planted/plain", exporter="planted", reference="none", level="quick", warmup=20, repeat=240)
NAMED, TOLD_APART = 0.95, 0.90  # shares of the studies that have to end as they should


def figures(studies: int = STUDIES) -> Iterator[Figure]:
    process.adopt_orphans()  # as a sweep does
    server = Server((), machine.allowed_cores())
    begin = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="benchlib-runoff-") as folder, alone("cpu", "make bench"):
            turns = _turns_of(CALL)
            timed = functools.partial(_timed, server=server, folder=Path(folder), turns=turns)
            found = [_study(timed, number) for number in range(studies)]
    finally:
        server.end()
    each = (time.perf_counter() - begin) / studies
    full, near = zip(*found, strict=True)
    named = sum(isinstance(f, Fastest) and f.way == "fast" for f in full)
    wrong = sum(isinstance(f, Fastest) and f.way != "fast" for f in full)
    yield _share("named the fast one", named, studies, NAMED, f"{wrong} named another; {each:.0f} s per study")
    ties = sum(isinstance(f, Tie) for f in near)
    yield _share("without it: cannot be told apart", ties, studies, TOLD_APART)


def _study(timed: Callable[..., PairedResult], number: int) -> tuple[Conclusion, Conclusion]:
    """One study with all its ways, and the same without the fast one: the indirect figures are shared."""
    seeds = iter(range(1000 * number, 1000 * (number + 1)))
    ways = [Contestant(label, timed(TURNS[label], 1.0, next(seeds)).ratio) for label in TURNS]

    def direct(pair: Pair) -> PairedResult:
        return timed(TURNS[pair.way], TURNS[pair.rival], next(seeds), pair.analysis)

    near = [way for way in ways if way.label != "fast"]
    margin = level_of(TRIAL).margin
    return settle(ways, direct, margin), settle(near, direct, margin)


def _timed(
    way: float, rival: float, seed: int, analysis: int = 1, *, server: Server, folder: Path, turns: int
) -> PairedResult:
    """How many times faster than its rival a way is, from pairs of processes as in the trial of such an analysis."""
    level, lease = level_of(TRIAL), Lease(server.path)
    level = replace(level, replicates=processes_of(analysis, level.replicates))
    inputs = folder / "inputs.npz"
    tensors.save(inputs, {"x": np.zeros((1, 4), np.float32)})
    contenders = [_contender(label, round(share * turns), inputs) for label, share in (("rival", rival), ("way", way))]
    launcher = Launcher(process.UNMARKED, machine.allowed_cores(), folder, lambda: lease, TRIAL.timeout)
    try:
        opened = [
            open_contender(contender, launcher, level.start, 0, seed, f"pair0-{index}")
            for index, contender in enumerate(contenders)
        ]
        for one in opened:
            one.outputs(None)
        found = measure(contenders, opened, launcher, level, seed)
    finally:
        launcher.end()
        lease.close()
    samples = found.samples
    ratio = statistics.speedup([samples.rounds(replicate) for replicate in samples.replicates])
    return PairedResult(ratio, len(samples.replicates), found.seconds / len(samples.replicates))


def _contender(label: str, loops: int, inputs: Path) -> Contender:
    from benchlib.registries import runtimes

    options = {name: option.default for name, option in runtimes.get("planted").options.items()}
    request = OpenSession(
        "planted",
        artifact=Path(),
        inputs=inputs,
        exporter="planted",
        provider="Planted",
        threads=machine.allowed_cores(),
        runtime_args=options | {"work": "counted", "loops": loops},
    )
    return Contender(label, False, request)


def _turns_of(seconds: float) -> int:
    """Turns of the counted loop that take about so long on this machine."""
    from benchlib_planted.works import counted

    turns = 10_000
    call = counted({"loops": turns}, None)
    taken = []
    for _ in range(200):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return round(turns * seconds / float(np.median(taken)))


def _share(what: str, found: int, studies: int, wanted: float, remark: str = "") -> Figure:
    least = math.ceil(wanted * studies)
    return Figure(f"{what} in {found} of {studies}", f"{found}/{studies}", f"≥ {least}", found >= least, remark)
