"""The controller of the timing workers: start, open, check, measure, one replicate after another.

It runs in the notebook's kernel, which stays light: it blocks on a socket while a worker works.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from benchlib import machine
from benchlib.measure.contender import Contender, Launcher, Opened, open_contender
from benchlib.measure.device import device_times
from benchlib.measure.gate import Gate
from benchlib.measure.levels import SAMPLES_LIMIT, Level
from benchlib.measure.rounds import Pace, Replicate, ReplicatePlan, measure_replicate
from benchlib.measure.samples import WARMUP, ReferenceReading, Samples, block_of
from benchlib.record import DeviceTimes
from benchlib.record.metadata import Session
from benchlib.worker.messages import ReadReferenceLoad, TimedBlock

MOST_REPLICATES = 10  # beyond which the samples of a replicate get no fewer
WARMUP_SAMPLES = 1000  # of the limit of samples, left to the warm-up of each process


@dataclass(frozen=True)
class Process:
    """A process that was timed."""

    session: Session
    time_first: float  # seconds of its first call
    start: str  # forked or fresh


@dataclass(frozen=True)
class ChangedOutput:
    """Outputs of the timed phase that nobody knew: others than the contender gave for the set before, or its first."""

    replicate: int
    contender: int
    input_set: int  # by the saved model's own number
    file: Path  # with the outputs, whole for set 0; of large ones of other sets what `tensors.thinned` leaves


@dataclass
class Measurement:
    """All that measuring left. Lists of lists are by replicate, then by contender."""

    samples: Samples
    processes: list[list[Process]] = field(default_factory=list)
    warmed_up: list[list[bool]] = field(default_factory=list)
    half_widths: list[list[float]] = field(default_factory=list)  # of the median's interval, as a share
    retried: int = 0  # rounds that repeat a disturbed one
    # Each different answer of a contender to a set once: all that the timed sessions gave is these, or was compared.
    changed_outputs: list[ChangedOutput] = field(default_factory=list)
    device: list[list[DeviceTimes | None]] = field(default_factory=list)  # [] on the CPU
    seconds: float = 0.0  # waiting for a quiet host left out
    waited: float = 0.0  # seconds that it waited for one
    gpu: tuple[str, ...] = ()  # what disturbed the GPU (`benchlib.measure.verdicts.CAUSES`)
    cpu: float = 0.0  # CPU seconds of this process meanwhile, which should be idle


def measure(
    contenders: list[Contender],
    opened: list[Opened],
    launcher: Launcher,
    level: Level,
    seed: int,
    gate: Gate | None = None,
) -> Measurement:
    """Measures all replicates; the first uses the sessions that are open already (and were checked).

    Args:
        contenders: what is timed, the reference first.
        opened: a session of each, which has made its first call.
        launcher: starts the workers of the other replicates.
        level: how much is measured.
        seed: of every order that is drawn.
        gate: waits for a quiet host before each replicate, and is told of every step; None: nobody waits.

    Raises:
        WorkerError: when a worker fails.
    """
    begin, cpu = time.perf_counter(), time.process_time()
    result = Measurement(Samples([c.label for c in contenders], seed))
    gate = gate or Gate()
    run, host = _Run(contenders, launcher, level, seed, result), gate.begin(launcher, contenders[0].open.device)
    away = 0.0
    try:
        for replicate in range(level.replicates):
            gate.progress(replicate, level.replicates)
            # While it waits other trials may have the host, for which nothing should lie open; only the first replicate
            # has its sessions already.
            waited = host.wait(level.replicates - replicate)
            away += waited.away
            if replicate:
                opened = run.open_all(replicate)
            host.begin_replicate()
            run.measure(opened, replicate)
            result.samples.host.append(host.load(replicate, waited))
            for o in opened:
                o.worker.end()
    finally:
        result.seconds, result.cpu = time.perf_counter() - begin - away, time.process_time() - cpu
        result.waited, result.gpu = host.waiting.spent, host.gpu.causes()
    return result


class _Run:
    """What all replicates of a measurement share."""

    def __init__(self, contenders: list[Contender], launcher: Launcher, level: Level, seed: int, result: Measurement):
        self.contenders, self.launcher, self.level, self.seed = contenders, launcher, level, seed
        self.result = result
        self.pace = Pace([level.warmup_calls] * len(contenders))
        # Hashes of what each contender answered, by the place of the set in the rotation.
        self.known: list[dict[int, set[str]]] = [{} for _ in contenders]

    def first(self, replicate: int) -> int:
        """The contender that starts and warms up first, which alternates."""
        return replicate % len(self.contenders)

    def open_all(self, replicate: int) -> list[Opened]:
        """The sessions of a replicate, each with its first call made."""
        opened: dict[int, Opened] = {}
        for step in range(len(self.contenders)):
            index = (self.first(replicate) + step) % len(self.contenders)
            name = f"pair{replicate}-{index}"
            opened[index] = open_contender(
                self.contenders[index], self.launcher, self.level.start, replicate, self.seed, name
            )
            opened[index].outputs(None)
            self._check_first_call(opened[index], index, replicate)
        return [opened[i] for i in range(len(self.contenders))]

    def measure(self, opened: list[Opened], replicate: int) -> None:
        """One replicate, from open sessions to everything that the result keeps of it."""
        blocks = self.result.samples.blocks

        # The first calls are a part of the warm-up, in the order in which they were made.
        first_calls = sorted(enumerate(map(_first_call, opened)), key=lambda call: call[1].start)
        blocks += [block_of(timed, index, replicate) for index, timed in first_calls]
        for index, o in enumerate(opened):
            self._know_answers(o, index)
            o.rotate_inputs(self.launcher.scratch / f"timed-{replicate}-{index}", self.known[index])

        # The reference load is read in each process, before its rounds and after them.
        self._read_reference_load(opened, replicate, "start")
        found = measure_replicate(opened, self._plan(opened, replicate), self.pace, time.perf_counter)
        blocks += found.blocks
        self._read_reference_load(opened, replicate, "end")
        self._keep(found, opened)

        # Later replicates repeat the first one's warm-up.
        for index, calls in enumerate(self.pace.warmup_calls):
            if calls is None:
                own = [b for b in found.blocks if b.contender == index and b.phase == WARMUP and b.loops == 1]
                self.pace.warmup_calls[index] = sum(len(b.ns) for b in own)

        self._check_outputs(found, opened, replicate)
        counted = [self.result.samples.counted(i, replicate) for i in range(len(opened))]
        self.result.device += device_times(opened, counted)

    def _plan(self, opened: list[Opened], replicate: int) -> ReplicatePlan:
        return ReplicatePlan(
            replicate,
            self.level,
            self.seed,
            # A calibration has many more replicates than a trial, and takes its blocks as a trial does.
            samples_limit=SAMPLES_LIMIT // min(self.level.replicates, MOST_REPLICATES) - WARMUP_SAMPLES * len(opened),
            # Compiling is no part of what starting costs, nor is what the warm server imported long ago.
            start_cost=sum(
                o.session.time_import - o.session.time_import_shared + o.session.time_session for o in opened
            ),
            first=self.first(replicate),
            cores=machine.like_cores(),
        )

    def _keep(self, found: Replicate, opened: list[Opened]) -> None:
        result = self.result
        result.warmed_up.append(found.warmed_up)
        result.half_widths.append(found.half_widths)
        result.retried += found.retried
        result.processes.append([Process(o.session, _first_call(o).ns[0] / 1e9, o.worker.start) for o in opened])

    def _know_answers(self, opened: Opened, index: int) -> None:
        """Takes what a session has answered until now as known: it was compared, or is on its way to be."""
        files = [opened.contender.open.inputs, *opened.contender.input_sets]
        for number, file in enumerate(files):
            if file in opened.answers:
                self.known[index].setdefault(number, set()).add(opened.answers[file])

    def _check_first_call(self, opened: Opened, index: int, replicate: int) -> None:
        """Stores the outputs of a later process' first call where they are others than those of earlier ones."""
        if opened.answers[opened.contender.open.inputs] not in self.known[index].get(0, ()):
            file = self.launcher.scratch / f"first-{replicate}-{index}.npz"
            opened.outputs(file)
            self.result.changed_outputs.append(ChangedOutput(replicate, index, 0, file))

    def _check_outputs(self, found: Replicate, opened: list[Opened], replicate: int) -> None:
        """Notes what blocks stored of their outputs, and what sets answer that were timed and give none in a block."""
        new = list(found.new_outputs)
        for index, o in enumerate(opened):
            new += [(index, outputs) for outputs in o.check_outputs()]
        for index, outputs in new:
            self.known[index].setdefault(outputs.input_set, set()).add(outputs.hash)
            number = opened[index].contender.set_numbers[outputs.input_set]
            self.result.changed_outputs.append(ChangedOutput(replicate, index, number, outputs.file))

    def _read_reference_load(self, opened: list[Opened], replicate: int, when: str) -> None:
        for index, o in enumerate(opened if self.level.reference_load else ()):
            load = o.worker.ask(ReadReferenceLoad(), o.left())
            o.freeze()
            reading = ReferenceReading(replicate, index, when, load.compute, load.copy)
            self.result.samples.reference_load.append(reading)


def _first_call(opened: Opened) -> TimedBlock:
    if opened.first_call is None:
        raise ValueError(f"{opened.contender.label} has not made its first call")
    return opened.first_call
