"""The controller of the timing workers: start, open, check, measure, one replicate after another.

It runs in the notebook's kernel, which stays light: it blocks on pipes while a worker works.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchlib import machine
from benchlib.measure.device import device_times
from benchlib.measure.levels import SAMPLES_LIMIT, Level
from benchlib.measure.rounds import Pace, epoch_of, measure_pair
from benchlib.measure.samples import WARMUP, Samples
from benchlib.worker.client import Lease, Worker, WorkerError, start_forked, start_fresh


@dataclass
class Launcher:
    """How the workers of one trial are started."""

    mark: str
    threads: int
    scratch: Path  # working folder, logs and compile caches of the trial
    lease: Callable[[], Lease]
    timeout: float  # seconds allowed to each step
    deadline: float | None = None  # of the step that runs, on the clock of time.monotonic
    starting: float = 0.0  # seconds that starting workers took until now, and the warm server before the first one
    workers: list[Worker] = field(default_factory=list)

    def left(self) -> float:
        """Seconds that a request may take: what is left to the step; without a deadline all of `timeout`."""
        return self.timeout if self.deadline is None else max(0.001, self.deadline - time.monotonic())

    def start(self, name: str, how: str) -> Worker:
        """A worker, `forked` or `fresh`, whose output goes to `<scratch>/<name>.log`."""
        log = self.scratch / f"{name}.log"
        environment = {
            "TORCHINDUCTOR_CACHE_DIR": str(self.scratch / "compile-cache"),
            "TORCHINDUCTOR_COMPILE_THREADS": "1",  # pools of compilers would outlive the compilation
        }
        begin = time.monotonic()
        if how == "forked":
            worker = start_forked(self.lease(), self.mark, log, environment, Path(os.getcwd()))
        else:
            worker = start_fresh(self.mark, log, environment, Path(os.getcwd()), self.threads)
        self.starting += time.monotonic() - begin
        self.workers.append(worker)
        return worker

    def end(self) -> None:
        """Ends every worker that is still there."""
        for worker in self.workers:
            worker.kill()
        self.workers.clear()


@dataclass(frozen=True)
class Contender:
    """What is to be opened: the arguments of the worker's `open`, and how it is called."""

    label: str
    compiles: bool  # its first call compiles
    open: dict[str, Any]
    turns: Mapping[str, str] = field(default_factory=dict)  # files of inputs that take turns with the recorded ones
    # while it is timed -> the hash that each worker has to find in them


class Unread(Mapping):
    """A worker's answer that is decoded when it is looked at: the controller is brief between epochs."""

    def __init__(self, text: bytes):
        self.text = text

    @cached_property
    def decoded(self) -> dict[str, Any]:
        return json.loads(self.text)

    def __getitem__(self, name: str) -> Any:
        return self.decoded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.decoded)

    def __len__(self) -> int:
        return len(self.decoded)


@dataclass
class Opened:
    """A contender in a worker of its own, ready to be timed."""

    contender: Contender
    worker: Worker
    facts: dict[str, Any]  # what `open` answered
    left: Callable[[], float]  # seconds that a request may take
    first: dict[str, Any] = field(default_factory=dict)  # the epoch of the first call
    output_hash: str = ""

    def run(self, samples: int, inner: int = 1, core: int | None = None, turn: int | None = None) -> Mapping[str, Any]:
        return Unread(self.worker.answer("run", self.left(), calls=samples, inner=inner, core=core, turn=turn))

    def freeze(self) -> None:
        self.worker.freeze()

    def take_turns(self) -> None:
        """Times on several sets of inputs from now on. Raises WorkerError when a file holds other bytes than it did."""
        if self.contender.turns:
            reply = self.worker.ask("take_turns", self.left(), files=list(self.contender.turns))
            if reply["hashes"] != list(self.contender.turns.values()):
                raise WorkerError(
                    "failed", "Mismatch", f"{self.contender.label} holds other inputs than the saved ones"
                )
            self.freeze()

    def outputs(self, path: Path | None) -> dict:
        """Makes the first call if it was not made, and stores in `path` the outputs for the recorded inputs."""
        reply = self.worker.ask("outputs", self.left(), path=str(path) if path else None)
        self.first = reply.get("epoch", self.first)
        if reply.get("compile_cache"):
            self.facts["compile_cache"] = reply["compile_cache"]
        self.output_hash = reply["hash"]
        self.freeze()
        return reply

    def outputs_for(self, inputs: Path, path: Path, thin: bool) -> dict:
        """Stores in `path` the outputs of one call on other inputs, which counts as none of the session's calls;
        of large ones only a part, if `thin`."""
        reply = self.worker.ask("outputs", self.left(), path=str(path), inputs=str(inputs), thin=thin)
        self.freeze()
        return reply


def open_contender(contender: Contender, launcher: Launcher, how: str, pair: int, seed: int, name: str) -> Opened:
    """Starts a worker and opens a contender in it; leaves it stopped."""
    worker = launcher.start(name, how)
    facts = worker.ask("open", launcher.left(), heap_seed=f"{launcher.mark}/{seed}/{pair}/{name}", **contender.open)
    worker.freeze()
    return Opened(contender, worker, facts, launcher.left)


@dataclass
class Measurement:
    """All that measuring left: the samples, and per replicate what each contender's opening answered."""

    samples: Samples
    facts: list[list[dict[str, Any]]] = field(default_factory=list)  # [pair][contender]
    settled: list[list[bool]] = field(default_factory=list)  # as facts, like the next two
    converged: list[list[bool]] = field(default_factory=list)
    half_widths: list[list[float]] = field(default_factory=list)
    retried: int = 0  # rounds that repeat a disturbed one
    checked: list[str] = field(default_factory=list)  # hashes of the outputs that were checked, by contender
    changed_outputs: list[tuple[int, int, Path]] = field(default_factory=list)  # (pair, contender, file)
    device: list[list[dict[str, float]]] = field(default_factory=list)  # [pair][contender]; [] on the CPU
    seconds: float = 0.0
    cpu: float = 0.0  # CPU seconds of this process meanwhile, which should be idle


def measure(
    contenders: list[Contender],
    opened: list[Opened],
    launcher: Launcher,
    level: Level,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Measurement:
    """Measures all replicates; the first uses the sessions that are open already (and were checked).

    Raises WorkerError when a worker fails, with `.measurement` holding what was measured until then.
    """
    begin, cpu = time.perf_counter(), time.process_time()
    result = Measurement(Samples([c.label for c in contenders], seed), checked=[o.output_hash for o in opened])
    pace = Pace([level.warmup_calls] * len(contenders))
    try:
        for pair in range(level.pairs):
            progress(pair, level.pairs)
            first = pair % len(contenders)  # who starts first alternates
            if pair:
                opened = _open_all(contenders, launcher, level, pair, seed, first)
            _one_pair(opened, pair, first, level, seed, pace, result, launcher)
            for o in opened:
                o.worker.end()
    except WorkerError as error:
        error.measurement = result
        raise
    finally:
        result.seconds, result.cpu = time.perf_counter() - begin, time.process_time() - cpu
    return result


def _open_all(contenders, launcher, level: Level, pair: int, seed: int, first: int) -> list[Opened]:
    opened: dict[int, Opened] = {}
    for step in range(len(contenders)):
        index = (first + step) % len(contenders)
        opened[index] = open_contender(contenders[index], launcher, level.start, pair, seed, f"pair{pair}-{index}")
        opened[index].outputs(None)
    return [opened[i] for i in range(len(contenders))]


def _one_pair(opened, pair, first, level: Level, seed, pace: Pace, result: Measurement, launcher) -> None:
    start_cost = sum(o.facts["time_import"] + o.facts["time_session"] for o in opened)  # compiling is none of it
    epochs = result.samples.epochs
    by_start = sorted(enumerate(opened), key=lambda pair: pair[1].first["start"])
    epochs += [epoch_of(index, pair, -1, WARMUP, 0, o.first) for index, o in by_start]
    for o in opened:
        o.take_turns()
    _canaries(opened, pair, "start", level, result)
    limit = SAMPLES_LIMIT // level.pairs - 1000 * len(opened)
    cores = machine.like_cores()
    found = measure_pair(opened, pair, level, seed, start_cost, pace, limit, time.perf_counter, first, cores)
    epochs += found.epochs
    _canaries(opened, pair, "end", level, result)
    result.settled.append(found.settled)
    result.converged.append(found.converged)
    result.half_widths.append(found.half_widths)
    result.retried += found.retried
    result.facts.append([{**o.facts, "time_first": o.first["ns"][0] / 1e9, "start": o.worker.start} for o in opened])
    for index, o in enumerate(opened):
        if pace.warmup_calls[index] is None:  # later replicates repeat the first one's warm-up
            own = [e for e in found.epochs if e.contender == index and e.phase == WARMUP and e.inner == 1]
            pace.warmup_calls[index] = sum(len(e.ns) for e in own)
        o.outputs(None)
        if o.output_hash != result.checked[index]:
            path = launcher.scratch / f"last-{pair}-{index}.npz"
            o.outputs(path)
            result.changed_outputs.append((pair, index, path))
    result.device += device_times(opened, [result.samples.counted(i, pair) for i in range(len(opened))])


def _canaries(opened, pair: int, when: str, level: Level, result: Measurement) -> None:
    for index, o in enumerate(opened if level.canary else ()):
        found = o.worker.ask("canary", o.left())
        o.freeze()
        result.samples.canaries.append({"pair": pair, "contender": index, "when": when, **found})
