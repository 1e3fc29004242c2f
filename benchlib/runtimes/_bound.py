"""onnxruntime's values on a device, and a call whose inputs and outputs stay there (I/O binding)."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.runtimes import DeviceCalls, Feed
from benchlib.runtimes._stream import Stream

BFLOAT16 = 16  # onnx.TensorProto.BFLOAT16

# Keys of run options (onnxruntime_run_options_config_keys.h)
_DO_NOT_WAIT = "disable_synchronize_execution_providers"
_GRAPH_ID, _NO_GRAPH = "gpu_graph_id", "-1"
_GRAPH_IDS = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """Where a session computes, as onnxruntime names it."""

    device: str  # "cpu" or "cuda"
    index: int
    stream: Stream | None  # of CUDA, on which it computes


class BoundCall:
    """A session on one device with its inputs bound where they lie, and its outputs left there.

    Outputs are bound to the device, not to memory: their shapes are the session's affair. After the first call
    onnxruntime writes them to the same memory again. With `graph`, which freezes addresses, a call without a graph
    finds the shapes, and memory of ours is bound; onnxruntime captures at the next call.
    """

    def __init__(self, session: Any, feed: Feed, place: Place, graph: bool, entries: Mapping[str, str]):
        self.session, self.device, self.index, self.stream = session, place.device, place.index, place.stream
        self.feed = {name: _contiguous(array) for name, array in feed.items()}
        self.values = {name: self._placed(array) for name, array in feed.items()}
        self.binding = session.io_binding()
        for name, value in self.values.items():
            self.binding.bind_ortvalue_input(name, value)
        for output in session.get_outputs():
            self.binding.bind_output(output.name, place.device, place.index)
        self.unbound = graph
        # A graph holds addresses: every binding of a session has one of its own.
        own = {**entries, **({_GRAPH_ID: str(next(_GRAPH_IDS))} if graph else {})}
        self.options, self.do_not_wait = run_options(own), run_options({**own, _DO_NOT_WAIT: "1"})

    def call(self) -> list[Any]:
        """Runs, waits, and gives the outputs where they are: OrtValues."""
        if self.unbound:
            self._bind_outputs()
        self.session.run_with_iobinding(self.binding, self.options)
        return self.binding.get_outputs()

    def enqueue(self) -> None:
        """Puts a run on the stream without waiting for it."""
        if self.unbound:
            self._bind_outputs()
        self.session.run_with_iobinding(self.binding, self.do_not_wait)

    def copy_in(self) -> None:
        """The inputs once more from the host's memory to where they lie on the device, on the stream."""
        for name, array in self.feed.items():
            self.stream.copy_in(self.values[name].data_ptr(), array)

    def copy_out(self) -> list[np.ndarray]:
        """The bytes of the last run's outputs in new memory of the host, when they are there."""
        found = []
        for value in self.binding.get_outputs():
            found.append(np.empty(value.tensor_size_in_bytes(), np.uint8))
            self.stream.copy_out(found[-1], value.data_ptr())
        self.stream.wait()
        return found

    def parts(self, host_call: Any = None) -> DeviceCalls:
        """The parts of the call, or of `host_call`, which copies from and to the host itself."""
        self.call()  # there are outputs to copy from here on
        return DeviceCalls(
            whole=host_call or self.enqueue,
            compute=self.enqueue,
            copy_in=self.copy_in if host_call else None,
            copy_out=self.copy_out if host_call else None,
            wait=self.stream.wait,
            elapsed=self.stream.elapsed,
        )

    def _bind_outputs(self) -> None:
        import onnxruntime

        self.session.run_with_iobinding(self.binding, run_options({_GRAPH_ID: _NO_GRAPH}))
        found = self.binding.get_outputs()
        for output, value in zip(self.session.get_outputs(), found, strict=True):
            own = onnxruntime.OrtValue.ortvalue_from_shape_and_type(
                value.shape(), value.element_type(), self.device, self.index
            )
            self.binding.bind_ortvalue_output(output.name, own)
        self.unbound = False

    def _placed(self, array: np.ndarray) -> Any:
        import onnxruntime

        if self.device == "cpu":
            return on_cpu(array)
        plain = _contiguous(array)
        if tensors.dtype_of(array) != "bfloat16":
            return onnxruntime.OrtValue.ortvalue_from_numpy(plain, self.device, self.index)
        value = onnxruntime.OrtValue.ortvalue_from_shape_and_type(array.shape, BFLOAT16, self.device, self.index)
        self.stream.copy_in(value.data_ptr(), plain)
        self.stream.wait()
        return value


def run_options(entries: Mapping[str, str]) -> Any:
    import onnxruntime

    options = onnxruntime.RunOptions()
    for key, value in entries.items():
        options.add_run_config_entry(key, value)
    return options


def on_cpu(array: np.ndarray) -> Any:
    """An OrtValue over the array's own memory."""
    import onnxruntime

    plain = _contiguous(array)
    if tensors.dtype_of(array) == "bfloat16":
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(plain.view(np.ndarray), BFLOAT16)
    return onnxruntime.OrtValue.ortvalue_from_numpy(plain)


def to_array(value: Any, stream: Stream | None = None) -> np.ndarray:
    """An OrtValue as an array on the host; the bits of a bfloat16 are copied out, which onnxruntime does itself
    with other types. A value on a device needs the `stream` for that."""
    if value.data_type() != "tensor(bfloat16)":
        return value.numpy()
    bits = np.empty(value.shape(), np.uint16)
    if value.device_name().lower() != "cpu":
        stream.copy_out(bits, value.data_ptr())
        stream.wait()
    elif bits.size:
        ctypes.memmove(bits.ctypes.data, value.data_ptr(), bits.nbytes)
    return tensors.labelled(bits, "bfloat16")


def _contiguous(array: np.ndarray) -> np.ndarray:
    """Contiguous, without a label; a scalar stays one (`ascontiguousarray` alone gives it a dimension)."""
    return np.ascontiguousarray(array).reshape(array.shape)
