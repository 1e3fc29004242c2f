"""A CUDA stream of our own and its clock, through the driver's library: onnxruntime is given the stream
(`user_compute_stream`), so that events tell when its work began and ended without torch in the worker.

Names and signatures are the CUDA driver API's (sections Primary Context, Stream, Event and Memory Management).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from benchlib.runtimes import _cuda

NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: it does not wait for the legacy default stream


class Stream:
    """A stream in the primary context of a device, which the CUDA runtime of every library here shares.

    Raises RuntimeError with the driver's own name of an error, then and in all that follows.
    """

    def __init__(self, index: int, driver: Any = None):
        self._driver = driver or ctypes.CDLL(_cuda.DRIVER)
        device, context, handle = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
        self._call("cuInit", 0)
        self._call("cuDeviceGet", ctypes.byref(device), index)
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self._call("cuCtxSetCurrent", context)
        self._call("cuStreamCreate", ctypes.byref(handle), NON_BLOCKING)
        self._stream = handle
        self._before, self._behind = self._event(), self._event()

    @property
    def address(self) -> int:
        """The stream as a number, as onnxruntime's provider option takes it."""
        return self._stream.value

    def wait(self) -> None:
        """Until all work of the stream is done."""
        self._call("cuStreamSynchronize", self._stream)

    def elapsed(self, work: Callable[[], Any]) -> float:
        """Seconds on the device's clock from an event before to an event behind what `work` puts on the stream."""
        self._call("cuEventRecord", self._before, self._stream)
        work()
        self._call("cuEventRecord", self._behind, self._stream)
        self._call("cuEventSynchronize", self._behind)
        milliseconds = ctypes.c_float()
        self._call("cuEventElapsedTime", ctypes.byref(milliseconds), self._before, self._behind)
        return milliseconds.value / 1e3

    def copy_in(self, address: int, array: np.ndarray) -> None:
        """Copies a contiguous array to memory of the device; the array may change when this returns."""
        if array.nbytes:
            source = ctypes.c_void_p(array.ctypes.data)
            self._call("cuMemcpyHtoDAsync_v2", ctypes.c_uint64(address), source, ctypes.c_size_t(array.nbytes),
                       self._stream)  # fmt: skip

    def copy_out(self, array: np.ndarray, address: int) -> None:
        """Copies memory of the device into a contiguous array, which has it after `wait`."""
        if array.nbytes:
            target = ctypes.c_void_p(array.ctypes.data)
            self._call("cuMemcpyDtoHAsync_v2", target, ctypes.c_uint64(address), ctypes.c_size_t(array.nbytes),
                       self._stream)  # fmt: skip

    def _event(self) -> ctypes.c_void_p:
        event = ctypes.c_void_p()
        self._call("cuEventCreate", ctypes.byref(event), 0)  # with timing, which is the default
        return event

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._driver, name)(*arguments)
        if code:
            raise RuntimeError(f"the NVIDIA driver reports {_cuda.error_name(self._driver, code)} from {name}")
