"""What a worker can be asked, and what it answers: one request and one reply for each verb, used by both ends.

`class RunBlock(Request[TimedBlock], verb="run")` says that `run` is answered by a TimedBlock. All are dataclasses of
plain values (`benchlib.typed_json`), which cross into any Python environment. Times are in seconds, but for what a
clock was read for (`TimedBlock`, `ReferenceLoad`): whole nanoseconds.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from benchlib.record import Decision, DeviceTimes, Footprint, OperatorTime, SmallestFailure
from benchlib.record.metadata import Artifact, FreeAxes, SavedModel, Session
from benchlib.record.metrics import Metrics
from benchlib.typed_json import from_json

R = TypeVar("R")
REQUESTS: dict[str, type[Request[Any]]] = {}  # by their verb


class Request(Generic[R]):
    """Something that a worker is asked for, by a verb; `R` is the class of its reply."""

    verb: ClassVar[str]
    reply: ClassVar[Any]

    def __init_subclass__(cls, verb: str) -> None:
        cls.verb, cls.reply = verb, typing.get_args(cls.__orig_bases__[0])[0]  # type: ignore[attr-defined]
        REQUESTS[verb] = cls


@dataclass(frozen=True)
class Done:
    """The reply of a verb that has nothing to say."""


@dataclass(frozen=True)
class Problem:
    """What stands in the place of a reply when a verb failed."""

    kind: str  # the status that the trial ends with: failed, skipped, oom or refused
    type: str
    message: str
    traceback: str = ""


# -- building ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LoadModel(Request[SavedModel], verb="load"):
    """Builds the model of a source and saves it, with its inputs, into `folder`."""

    source: str
    name: str
    trial: dict[str, Any]  # every parameter
    folder: Path
    import_paths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DescribeModel(Request["ModelDescription"], verb="describe"):
    """Says what a model is without loading its weights (`benchlib.worker.details`)."""

    source: str
    name: str
    trial: dict[str, Any]


@dataclass(frozen=True)
class ModelDescription:
    """What is known of a model that nobody has loaded."""

    unknown: str = ""  # why nothing is known
    params_size: int | None = None  # count
    weights_size: int = 0  # bytes, with all buffers
    input_size: int = 0  # bytes
    input_shapes: str = ""
    model_task: str = ""


@dataclass(frozen=True)
class ExportModel(Request[Artifact], verb="export"):
    """Exports the loaded model (opened from `model` when this worker did not load it) to `path`."""

    exporter: str
    model: Path  # the folder of the saved model
    path: Path  # of what is written, without a suffix
    exporter_args: dict[str, Any] = field(default_factory=dict)  # with every default filled in
    target_opset: int | None = None
    axes: FreeAxes = field(default_factory=dict)
    opt_patterns: str = ""


@dataclass(frozen=True)
class ExplainFailure(Request["Explanation"], verb="explain_failure"):
    """Looks, for `seconds` at most, for the smallest submodule whose export fails as `export` did."""

    export: ExportModel
    seconds: float


@dataclass(frozen=True)
class Explanation:
    """None: the model exports after all, or the failure comes from its free axes."""

    smallest: SmallestFailure | None = None


@dataclass(frozen=True)
class ExamineTrace(Request["TraceReport"], verb="examine_trace"):
    """Traces a saved model on several sets of inputs, and says what its Python decides on its tensors."""

    model: Path  # the folder of the saved model
    sets: dict[int, Path]  # that are compared, by number; 0 is the recorded one, and has to be there
    seconds: float  # within which further traces are begun


@dataclass(frozen=True)
class TraceReport:
    """What the trace of a model keeps as constants, and what became of each."""

    decisions: list[Decision] = field(default_factory=list)  # a place each, those about values first
    unused: list[str] = field(default_factory=list)  # flat names of inputs that the module itself asks nothing of
    random: str = ""  # where two traces of the recorded inputs differ
    failed: str = ""  # why the model cannot be traced
    unfinished: bool = False  # there was no time for all of it


@dataclass(frozen=True)
class ApplyPass(Request["AppliedPass"], verb="apply_pass"):
    """Applies a pass to an exported graph."""

    name: str
    source: Path
    target: Path
    options: dict[str, Any]  # with every default filled in
    without: list[str]  # rules taken out
    inputs: list[Path]  # to calibrate on
    model_facts: dict[str, Any]  # what is known of the model: metrics and details together
    device: str


@dataclass(frozen=True)
class AppliedPass:
    """The new graph, and what the pass says itself."""

    seconds: float
    metrics: Metrics  # onnx_*
    operators: dict[str, int]
    details: dict[str, Any] = field(default_factory=dict)


# -- opening and timing --------------------------------------------------------------------------


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
class RotateInputs(Request["InputHashes"], verb="rotate_inputs"):
    """From now on timed calls take the recorded inputs and those of `files` by rotation; each set has the number of
    its place among them, the recorded one 0."""

    files: list[Path]
    fresh: bool = False  # the model changes its inputs: each call gets them as they were
    outputs: Path | None = None  # how files of outputs begin; None: the outputs of blocks are not looked at
    known: dict[int, list[str]] = field(default_factory=dict)  # hashes of outputs that need no file, by their set


@dataclass(frozen=True)
class InputHashes:
    """Of the files, in their order, as this worker read them."""

    hashes: list[str]


@dataclass(frozen=True)
class RunBlock(Request["TimedBlock"], verb="run"):
    """Takes `samples` samples of `loops` calls each."""

    samples: int
    loops: int = 1
    core: int | None = None  # on which the block begins
    input_set: int | None = None  # with which it begins, counted on beyond their number
    discarded: int = 0  # samples at its start that do not count


@dataclass(frozen=True)
class NewOutputs:
    """Outputs of a timed call that were not known before, for one of the sets that are timed."""

    input_set: int  # its place in the rotation
    hash: str
    file: Path  # with the outputs; of large ones, but for the recorded inputs, what `tensors.thinned` leaves


@dataclass(frozen=True)
class CheckOutputs(Request["CheckedOutputs"], verb="check_outputs"):
    """Looks at the outputs of some calls in a row, and for those sets of inputs that were timed and of which no block
    gave any."""


@dataclass(frozen=True)
class CheckedOutputs:
    """What came of it."""

    new_outputs: list[NewOutputs]


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
class GiveOutputs(Request["Outputs"], verb="outputs"):
    """The outputs for the recorded inputs; the call is made now if there was none, or others were timed since.

    With `inputs` those of one call on other inputs, which counts as none of the session's calls.
    """

    path: Path | None = None  # where they are stored
    inputs: Path | None = None
    thin: bool = False  # of large outputs only rows taken evenly


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
class ReadReferenceLoad(Request["ReferenceLoad"], verb="reference_load"):
    """Times two fixed pieces of work that tell how fast this machine is just now."""


@dataclass(frozen=True)
class ReferenceLoad:
    """Nanoseconds of each reading: a counted loop on one core, and a copy of 16 MiB."""

    compute: list[int]
    copy: list[int]


@dataclass(frozen=True)
class TimeOnDevice(Request["DeviceReply"], verb="device"):
    """Times a call in its parts by the device's own clock, over `calls` calls."""

    calls: int


@dataclass(frozen=True)
class DeviceReply:
    """None: the session has no such parts."""

    times: DeviceTimes | None = None


@dataclass(frozen=True)
class ProfileCalls(Request["Profile"], verb="profile"):
    """Calls under the runtime's own profiler."""

    calls: int


@dataclass(frozen=True)
class Profile:
    """Rows per call of the model, the slowest operator first."""

    operators: list[OperatorTime]


@dataclass(frozen=True)
class MeasurePeaks(Request["Peaks"], verb="peaks"):
    """The most that this machine does: products of large matrices, and large copies."""

    dtype: str
    device: str
    threads: int
    seconds: float
    array_size: int  # bytes of an array that is copied


@dataclass(frozen=True)
class Peaks:
    """FLOP/s and bytes/s."""

    flop_rate: float
    memory_bandwidth: float
    how: str  # the library that was the fastest
    cache_size: int | None = None  # bytes, on CUDA


# -- judging -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JudgeModel(Request["Judgement"], verb="judge"):
    """Opens a model and calls it once on each set of inputs, which are read anew for each call, the first set before
    all others (`benchlib.worker.judging`).

    With `repeats` it is called on the first set again, at once and behind all others, to see whether it remembers.
    """

    open: OpenSession
    inputs: dict[int, Path]  # by the number of the set
    outputs: Path  # a folder, for `outputs-<number>.npz`; of large outputs of all sets but 0 only a part
    seed: int  # of the generators of torch, numpy and Python, which begin each call anew
    repeats: Path | None = None  # a folder for what repeated calls answered


@dataclass(frozen=True)
class Judgement:
    """What a model answered, and what it did besides."""

    hashes: dict[int, str]  # of the outputs, by the number of the set
    left_out: dict[int, str]  # why there are none for a set
    draws: list[str] = field(default_factory=list)  # the generators that the first call drew from
    changed_inputs: list[str] = field(default_factory=list)  # those that it wrote into, by their flat names
    changed_state: list[str] = field(default_factory=list)  # what it holds otherwise since: "buffer `last`"
    others: list[Path] = field(default_factory=list)  # what repeated calls answered that is not the same to the bit
    fails_again: str = ""  # what a repeated call failed with


@dataclass(frozen=True)
class NameRandomOperators(Request["RandomOperators"], verb="random_operators"):
    """Says which operators of a graph draw random numbers, or looks, at one more call on `inputs`, which of a module
    do."""

    artifact: Path
    inputs: Path


@dataclass(frozen=True)
class RandomOperators:
    """By the names that a user knows, in the order in which they were met: dropout, RandomNormalLike, …"""

    names: list[str]


# -- memory and energy ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ImportModules(Request["Allocators"], verb="imports"):
    """Imports what a process needs before it opens anything, and on CUDA makes the empty context."""

    modules: list[str]
    device: str
    import_paths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Allocators:
    """The settings of the allocators that this process runs with."""

    settings: dict[str, Any]


@dataclass(frozen=True)
class OpenSavedModel(Request[Done], verb="open_saved_model"):
    """Opens a loaded model from its folder, as an export begins with."""

    model: Path


@dataclass(frozen=True)
class MakeCalls(Request[Done], verb="call"):
    """Makes calls and times none of them."""

    calls: int


@dataclass(frozen=True)
class ResetPeak(Request[Done], verb="reset_peak"):
    """Sets the peaks of memory back to what is held now."""

    device: str


@dataclass(frozen=True)
class ReadFootprint(Request[Footprint], verb="footprint"):
    """What this process holds now, and held at most since `ResetPeak`."""

    device: str
    folder: str = ""  # whose files count for `untouched`


@dataclass(frozen=True)
class Leave(Request[Done], verb="bye"):
    """The worker ends."""


def request_named(verb: str, fields: Mapping[str, Any]) -> Request[Any]:
    """The request that arrived. Raises KeyError for a verb that nobody declared."""
    return from_json(REQUESTS[verb], fields)


def reply_class(request: type[Request[Any]]) -> Any:
    """The class of a request's reply, also where it was declared further down than the request."""
    reply = request.reply
    return globals()[reply.__forward_arg__] if isinstance(reply, typing.ForwardRef) else reply
