"""Opening a session, and calls on it: inputs, outputs, blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib.record.metadata import Session
from benchlib.worker.messages.request import Request


@dataclass(frozen=True)
class OpenSession(Request[Session], verb="open"):
    """Opens an artifact with a runtime and binds the shared inputs. `benchlib.runtimes.OpenRequest` is made of it."""

    runtime: str
    artifact: Path
    inputs: Path
    exporter: str
    exporter_args: dict[str, Any] = field(default_factory=dict)  # with every default filled in, as the next
    positional: tuple[str, ...] = ()
    device: str = "cpu"
    provider: str = ""
    threads: int = 1
    rtopt: str = "all"
    runtime_args: dict[str, Any] = field(default_factory=dict)
    io: str = "host"
    cuda_graphs: bool = False
    dynamic: bool = False
    profile: str = ""  # a folder for the runtime's own profile; empty: not profiled
    import_paths: list[str] = field(default_factory=list)
    collect_garbage: bool = False  # inside the timing
    heap_seed: str | None = None  # pads the heap at random, so that forked processes differ in their addresses


@dataclass(frozen=True)
class InputHashes:
    """Of the files, in their order, as this worker read them."""

    hashes: list[str]


@dataclass(frozen=True)
class RotateInputs(Request[InputHashes], verb="rotate_inputs"):
    """From now on timed calls take the recorded inputs and those of `files` by rotation; each set has the number of
    its place among them, the recorded one 0."""

    files: list[Path]
    fresh: bool = False  # the model changes its inputs: each call gets them as they were
    outputs: Path | None = None  # how files of outputs begin; None: the outputs of blocks are not looked at
    known: dict[int, list[str]] = field(default_factory=dict)  # hashes of outputs that need no file, by their set


@dataclass(frozen=True)
class NewOutputs:
    """Outputs of a timed call that were not known before, for one of the sets that are timed."""

    input_set: int  # its place in the rotation
    hash: str
    file: Path  # with the outputs; of large ones, but for the recorded inputs, what `tensors.thinned` leaves


@dataclass(frozen=True)
class TimedBlock:
    """Consecutive samples. Times in nanoseconds of the machine's monotonic clock, which all processes share."""

    ns: list[int]
    start: int
    end: int
    cpu: int  # CPU time of the whole process between them
    loops: int = 1  # calls in a sample
    loop_overhead: int = 0  # of a sample that is its loop's
    tick: int = 1  # the clock's smallest step
    noise: dict[str, int | float] = field(default_factory=dict)  # counter -> what it counted
    new_outputs: list[NewOutputs] = field(default_factory=list)  # looked at after `end`


@dataclass(frozen=True)
class RunBlock(Request[TimedBlock], verb="run"):
    """Takes `samples` samples of `loops` calls each."""

    samples: int
    loops: int = 1
    core: int | None = None  # on which the block begins
    input_set: int | None = None  # with which it begins, counted on beyond their number
    discarded: int = 0  # samples at its start that do not count


@dataclass(frozen=True)
class CheckedOutputs:
    """What came of it."""

    new_outputs: list[NewOutputs]


@dataclass(frozen=True)
class CheckOutputs(Request[CheckedOutputs], verb="check_outputs"):
    """Looks at the outputs of some calls in a row, and for those sets of inputs that were timed and of which no block
    gave any."""


@dataclass(frozen=True)
class Outputs:
    """What was returned; the outputs themselves lie in the file that was asked for."""

    hash: str
    output_size: int  # elements of all of them
    first_call: TimedBlock | None = None  # where this was the session's first
    compile_cache: str | None = None
    input_hash: str = ""  # of other inputs, as this worker read them
    compared_hash: str = ""  # by which the outputs of blocks are compared (`worker.timed_outputs.hash_of`)


@dataclass(frozen=True)
class GiveOutputs(Request[Outputs], verb="outputs"):
    """The outputs for the recorded inputs; the call is made now if there was none, or others were timed since.

    With `inputs` those of one call on other inputs, which counts as none of the session's calls.
    """

    path: Path | None = None  # where they are stored
    inputs: Path | None = None
    thin: bool = False  # of large outputs only rows taken evenly
