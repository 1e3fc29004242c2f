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
    problem = missing(device)
    if problem:
        raise Unavailable(problem)
    driver, number = ctypes.CDLL(DRIVER), ctypes.c_int()
    driver.cuDeviceGet(ctypes.byref(number), index(device))
    code = driver.cuDevicePrimaryCtxRetain(ctypes.byref(ctypes.c_void_p()), number)
    if code:
        raise Unavailable(f"no context on {device}: the NVIDIA driver reports {error_name(driver, code)}")


def nvml_handle(device: str) -> Any:
    """NVML's handle of a device. Raises Unavailable where NVML does not answer."""
    problem = missing(device)
    if problem:
        raise Unavailable(problem)
    try:
        import pynvml

        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByPciBusId(bus_id(device).encode())
    except Exception as error:  # no package, no library, or an error of NVML
        raise Unavailable(f"NVML does not answer: {error}") from error


def bus_id(device: str) -> str:
    """The PCI address of `cuda:1`, by which NVML knows it: CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER, which
    decide what `1` means, do not concern NVML. Raises RuntimeError."""
    driver, handle, text = ctypes.CDLL(DRIVER), ctypes.c_int(), ctypes.create_string_buffer(64)
    code = (
        driver.cuInit(0)
        or driver.cuDeviceGet(ctypes.byref(handle), index(device))
        or driver.cuDeviceGetPCIBusId(text, len(text), handle)
    )
    if code:
        raise RuntimeError(f"the NVIDIA driver reports {error_name(driver, code)}")
    return text.value.decode()


@cache
def devices() -> tuple[int, str | None]:
    """The number of CUDA devices that this process may use, and why there are none."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError as error:
        return 0, f"the NVIDIA driver's library does not load ({error})"
    code = driver.cuInit(0)
    if code:
        return 0, f"the NVIDIA driver reports {error_name(driver, code)}"
    count = ctypes.c_int()
    code = driver.cuDeviceGetCount(ctypes.byref(count))
    if code:
        return 0, f"the NVIDIA driver reports {error_name(driver, code)}"
    return (
        count.value,
        None if count.value else "the NVIDIA driver lists none (CUDA_VISIBLE_DEVICES may hide them)",
    )


def error_name(driver: Any, code: int) -> str:
    """`CUDA_ERROR_NO_DEVICE`: the driver's own name of a result."""
    text = ctypes.c_char_p()
    driver.cuGetErrorName(code, ctypes.byref(text))
    return text.value.decode() if text.value else f"error {code}"
