"""What executes an artifact: one file per runtime, each declaring a `runtime`
(see `benchlib.registry.Runtime`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict

from benchlib.registry import Facts, Options
from benchlib.tensors import FlatArrays, Inputs

# What a graph is called with: its own input names -> arrays, or lists of them and None where it takes sequences and
# optionals.
Feed = dict[str, Any]


class ProfileRow(TypedDict):
    """An operator in a runtime's own profile: a plain mapping with these keys. The slowest comes first."""

    operator: str
    provider: str  # where it ran
    calls: float  # how often a call of the model runs it there
    seconds: float  # that a call of the model spends in it


@dataclass(frozen=True)
class OpenRequest:
    """What a runtime is asked to open, as it arrives in a timing worker."""

    artifact: str  # the path of the artifact: an exported file, or the saved model
    exporter: str
    exporter_args: Options = field(default_factory=dict)
    positional: tuple[str, ...] = ()  # inputs that the module takes by position
    device: str = "cpu"
    provider: str = ""
    threads: int = 1
    rtopt: str = "all"
    options: Options = field(default_factory=dict)  # runtime_args
    io: str = "host"  # or "device": inputs and outputs stay on the device
    cuda_graphs: bool = False  # replay the call as a captured CUDA graph; needs io "device"
    dynamic: bool = False  # other shapes than the bound ones will follow
    profile: str = ""  # a folder for the runtime's own profile; empty: not profiled


@dataclass(frozen=True)
class DeviceCalls:
    """A timed call on a CUDA device in its parts, for `worker.device`. Nothing but `wait` waits on purpose.

    `elapsed(work)` gives the seconds between two events on the very stream that the runtime uses, one before and
    one behind what `work` puts there.
    """

    whole: Callable[[], Any]  # the timed call, without its last wait where nothing else makes it wait
    compute: Callable[[], Any]  # the same from inputs that lie on the device to outputs that stay there
    copy_in: Callable[[], Any] | None  # None with io "device": the timed call copies nothing
    copy_out: Callable[[], Any] | None
    wait: Callable[[], None]
    elapsed: Callable[[Callable[[], Any]], float]


class Session(Protocol):
    """An artifact opened by a runtime.

    `facts` go into the record: `providers` (observed), `threads` (the runtime's own setting, read back),
    `weights_hash` where there are weights, `precision` in the words of `benchlib.precision`, and what
    `benchlib.runtimes._placement` says about the nodes of a graph.

    Four more methods are asked for where a session has them: `compile_cache()` says after the first call whether the
    compiler had to work (`cold`) or found its work done (`warm`); `to_host(outputs)` gives what the call returned with
    every leaf an array or a tensor (outside the timing); `device_calls()` the `DeviceCalls` of what was bound, on
    CUDA; `profile(call, calls)` calls under the runtime's own profiler and gives its table, a list of `ProfileRow`.

    A bound call may have two methods: `renew()` makes it ready for its next call where a model has written into an
    object among its inputs, and `replaced_tensors()` names the inputs in whose places the last call put others.

    Three attributes are false where a session lacks them. `takes_tensors`: `inputs` are torch tensors in the classes of
    the model's own call, and not numpy arrays in dicts, lists and tuples. `reads_in_place`:
    each call reads the bound arrays of the host as they are then, so that their contents may be exchanged between two
    calls. `keeps_inputs`: they were copied when they were bound, and a call could change that copy.
    """

    facts: Facts

    def bind(self, inputs: Inputs, flat: FlatArrays) -> Callable[[], Any]:
        """A call without arguments that does what is timed.

        `inputs` is the nesting of numpy arrays that the model takes, `flat` the same arrays by name, in
        order. Preparing them for the runtime happens here, once, outside the timing. With `io: host` the call
        itself copies from and to the host; with `io: device` inputs are there before it and outputs stay there.
        It returns the outputs, and has finished when it returns.
        """
        ...
