"""Is a CUDA device usable here? Asked of the driver's library, without torch and without a context."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from benchlib.errors import Unavailable

DRIVER = "libcuda.so.1"


def missing(device: str) -> str | None:
    """Why `device` (`cpu`, `cuda`, `cuda:1`) cannot be used here, or None.

    The driver's library is initialised by this, so a process that asked about `cuda` must not fork
    processes that use CUDA themselves (CUDA workers start fresh).
    """
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return None
    if kind != "cuda":
        return f"device '{device}' is unknown here"
    count, problem = devices()
    if problem:
        return f"no CUDA device: {problem}"
    if int(number or 0) >= count:
        return f"no device {device}: there are {count} CUDA devices"
    return None


def index(device: str) -> int:
    """1 of `cuda:1`; 0 of `cuda`."""
    return int(device.partition(":")[2] or 0)


def make_context(device: str) -> None:
    """Makes the device's primary context, which torch and onnxruntime use too, and keeps it. Raises Unavailable."""
    driver, number = _driver(device)
    code = driver.cuDevicePrimaryCtxRetain(ctypes.byref(ctypes.c_void_p()), number)
    if code:
        raise Unavailable(f"no context on {device}: the NVIDIA driver reports {_name(driver, code)}")


def nvml_handle(device: str) -> Any:
    """NVML's handle of a device: found by its bus, for NVML counts devices that CUDA_VISIBLE_DEVICES hides.

    Raises Unavailable where NVML does not answer.
    """
    driver, number = _driver(device)
    bus = ctypes.create_string_buffer(32)
    driver.cuDeviceGetPCIBusId(bus, len(bus), number)
    try:
        import pynvml

        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByPciBusId(bus.value)
    except Exception as error:  # no package, no library, or an error of NVML
        raise Unavailable(f"NVML does not answer: {error}") from error


def _driver(device: str) -> tuple[ctypes.CDLL, ctypes.c_int]:
    """The driver's library, initialised, and its own number of the device. Raises Unavailable."""
    problem = missing(device)
    if problem:
        raise Unavailable(problem)
    driver, number = ctypes.CDLL(DRIVER), ctypes.c_int()
    driver.cuDeviceGet(ctypes.byref(number), index(device))
    return driver, number


@cache
def devices() -> tuple[int, str | None]:
    """The number of CUDA devices that this process may use, and why there are none."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError as error:
        return 0, f"the NVIDIA driver's library does not load ({error})"
    code = driver.cuInit(0)
    if code:
        return 0, f"the NVIDIA driver reports {_name(driver, code)}"
    count = ctypes.c_int()
    code = driver.cuDeviceGetCount(ctypes.byref(count))
    if code:
        return 0, f"the NVIDIA driver reports {_name(driver, code)}"
    return (
        count.value,
        None if count.value else "the NVIDIA driver lists none (CUDA_VISIBLE_DEVICES may hide them)",
    )


def _name(driver: ctypes.CDLL, code: int) -> str:
    text = ctypes.c_char_p()
    driver.cuGetErrorName(code, ctypes.byref(text))
    return text.value.decode() if text.value else f"error {code}"
