"""How torch calls a module on a CUDA device: from the host and back, on tensors that stay there, as a CUDA graph;
and what its profiler says about a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any

from benchlib import layouts, tensors
from benchlib.runtimes import DeviceCalls, ProfileRow, _placement

GRAPH_WARMUP = 3  # calls on a side stream before the capture, as torch's notes on CUDA graphs have it


class HostCall(partial):
    """A forward on inputs in host memory."""

    inputs: tensors.FlatTensors
    structure: tensors.Structure
    before: dict[str, Any]  # where the inputs lie, before the first call

    @classmethod
    def of(cls, forward: Callable[[Any], Any], given: Any) -> HostCall:
        """The call of `forward(given)`, a mapping or a sequence."""
        inputs, structure = tensors.flatten(given)
        call = cls(forward, tensors.unflatten(structure, inputs))
        call.inputs, call.structure, call.before = inputs, structure, _places(call.args[0])
        return call

    def renew(self) -> None:
        """Puts the inputs together anew: a model may have written into an object among them, as into a cache."""
        if isinstance(given := self.args[0], dict):
            given.update(tensors.unflatten(self.structure, self.inputs))

    def replaced_tensors(self) -> list[str]:
        """The names of inputs in whose places a call has put other tensors."""
        now = _places(self.args[0])
        return [name for name in dict.fromkeys((*self.before, *now)) if now.get(name) != self.before.get(name)]


def _places(given: Any) -> dict[str, Any]:
    """Where the tensors of a nesting lie, and their shapes."""
    return {name: (tensor.data_ptr(), tuple(tensor.shape)) for name, tensor in tensors.leaves_of(given).items()}


class CudaCalls:
    """The calls of `forward(inputs)` on a CUDA device; `host` is the nesting of its inputs in host memory."""

    def __init__(self, forward: Callable[[Any], Any], host: Any, device: str, graph: bool = False):
        self.forward, self.device = forward, device
        self.leaves, self.structure = tensors.flatten(host)
        self.move = layouts.mover(self.leaves, lambda tensor: tensor.to(device))
        self.graph = Graph() if graph else None

    @cached_property
    def stream(self) -> Any:
        import torch

        return torch.cuda.current_stream(self.device)

    @cached_property
    def resident(self) -> Any:
        """The inputs on the device, at the same addresses for ever."""
        return self.copy_in()

    def bound(self, io: str) -> Callable[[], Any]:
        """The call that is timed; inputs that stay on the device are brought there now, as its first time may count."""
        if io == "host":
            return self.from_host
        self.resident = self.copy_in()
        return self.on_device

    def copy_in(self) -> Any:
        return tensors.unflatten(self.structure, self.move(self.leaves))

    def compute(self) -> Any:
        """Puts a forward on the stream; its outputs stay on the device."""
        if self.graph is None:
            return self.forward(self.resident)
        return self.graph.replay(lambda: self.forward(self.resident), self.stream)

    def from_host(self) -> Any:
        return on_host(self.forward(self.copy_in()))

    def on_device(self) -> Any:
        outputs = self.compute()
        self.stream.synchronize()
        return outputs

    def elapsed(self, work: Callable[[], Any]) -> float:
        """Seconds on the device's clock, between events on the current stream."""
        import torch

        before, behind = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        before.record(self.stream)
        work()
        behind.record(self.stream)
        behind.synchronize()
        return before.elapsed_time(behind) / 1e3  # milliseconds

    def parts(self, io: str) -> DeviceCalls:
        outputs = self.on_device()
        copies = io == "host"
        return DeviceCalls(
            whole=self.from_host if copies else self.compute,
            compute=self.compute,
            copy_in=self.copy_in if copies else None,
            copy_out=(lambda: on_host(outputs)) if copies else None,
            wait=self.stream.synchronize,
            elapsed=self.elapsed,
        )


class Graph:
    """A call captured as a CUDA graph at its first replay. The outputs are the same memory each time."""

    def __init__(self):
        self.captured: Any = None
        self.outputs: Any = None

    def replay(self, call: Callable[[], Any], stream: Any) -> Any:
        """Replays what `call` does, whose inputs have to stay where they are, on the current stream."""
        if self.captured is None:
            self._capture(call, stream)
        self.captured.replay()
        return self.outputs

    def _capture(self, call: Callable[[], Any], stream: Any) -> None:
        """After the pattern of torch's notes: warm up on a side stream, then capture (what compiles does so then)."""
        import torch

        side = torch.cuda.Stream(stream.device)
        side.wait_stream(stream)
        with torch.cuda.stream(side):
            for _ in range(GRAPH_WARMUP):
                call()
        stream.wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.outputs = call()
        self.captured = graph


def operators(call: Callable[[], Any], calls: int, on_cuda: bool) -> list[ProfileRow]:
    """The profile of `calls` calls by torch's profiler."""
    import torch
    from torch.profiler import ProfilerActivity

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_cuda else [])]
    with torch.profiler.profile(activities=activities) as profiler:
        for _ in range(calls):
            call()
    return operator_table(profiler.key_averages(), calls, on_cuda)


def operator_table(averages: Iterable[Any], calls: int, on_cuda: bool) -> list[ProfileRow]:
    """The profile in torch's averaged events, whose times are in microseconds.

    On the CPU the time of an operator without those that it calls. On CUDA the time of the kernels that it launched,
    where operators account for all of the device's time (99 %), else that of the kernels by their own names: those of
    compiled code belong to no operator.
    """
    averages = list(averages)
    on_host = [e for e in averages if e.device_type.name == "CPU"]
    if not on_cuda:
        return _table([(e.key, "CPU", e.count, e.self_cpu_time_total) for e in on_host], calls)
    kernels = [e for e in averages if e.device_type.name == "CUDA" and not e.is_user_annotation]
    whole = sum(e.self_device_time_total for e in kernels)
    launching = [e for e in on_host if e.self_device_time_total > 0]
    told = sum(e.self_device_time_total for e in launching) >= 0.99 * whole
    rows = launching if told else kernels
    return _table([(e.key, "CUDA", e.count, e.self_device_time_total) for e in rows], calls)


def _table(rows: list[tuple[str, str, int, float]], calls: int) -> list[ProfileRow]:
    found: dict[tuple[str, str], tuple[int, float]] = {}
    for name, where, n, microseconds in rows:  # a name may come twice: as an operator and as an annotation
        before = found.get((name, where), (0, 0.0))
        found[name, where] = (before[0] + n, before[1] + microseconds / 1e6)
    return _placement.table(found, calls)


def on_host(outputs: Any) -> tensors.FlatTensors:
    """The tensors of any nesting of outputs by name, copied to the host."""
    return {name: tensor.cpu() for name, tensor in tensors.leaves_of(outputs).items()}
