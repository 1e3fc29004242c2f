"""The most that this machine does: products of large matrices, and large copies, the best of many.

Copies are counted as in STREAM (J. McCalpin, https://www.cs.virginia.edu/stream): bytes read plus bytes written.
A product of two n × n matrices is 2 n³ operations.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchlib.worker.service import Worker, verb

_SMALLEST, _LARGEST = 256, 8192  # rows of a matrix
_TIMES = 16  # products that the time has to allow for a size to be tried


@verb
def peaks(worker: Worker, request: dict) -> dict:
    """{"flop_rate": FLOP/s, "memory_bandwidth": bytes/s, "how"}; on CUDA `cache_size` (bytes) too."""
    dtype, device, threads, seconds = (request[n] for n in ("dtype", "device", "threads", "seconds"))
    torch = _torch()
    if torch is None:  # numpy has neither bfloat16 nor fast float16: their peak is not above that of float32
        rate = _products(lambda n: _numpy_product(n, "float32"), seconds)
        return {"flop_rate": rate, "memory_bandwidth": _host_copies(request), "how": "numpy"}
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("highest" if device == "cpu" else "high")  # on CUDA with TF32: it is a peak
    # A runtime may convert to float32 what the hardware does not compute as it is.
    rates = [_products(lambda n, d=d: _torch_product(torch, n, d, device), seconds) for d in {dtype, "float32"}]
    found = {"flop_rate": max(rates), "how": f"torch {torch.__version__}"}
    if device == "cpu":
        return {**found, "memory_bandwidth": _host_copies(request)}
    cache = torch.cuda.get_device_properties(device).L2_cache_size
    return {**found, "memory_bandwidth": _device_copies(torch, device, seconds), "cache_size": cache}


def best_rate(call: Callable[[], Any], work: float, seconds: float, least: int = 3) -> float:
    """The highest work ÷ time of one of the calls that `seconds` allow, at least `least`."""
    best, done, end = 0.0, 0, time.perf_counter() + seconds
    while done < least or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        best = max(best, work / (time.perf_counter() - begin))
        done += 1
    return best


def _products(product: Callable[[int], Callable[[], Any]], seconds: float) -> float:
    """Sizes are doubled for as long as the time allows enough products of them; most of it goes to the largest."""
    size, best = _SMALLEST, 0.0
    while True:
        call = product(size)
        call()
        rate = best_rate(call, 2 * size**3, 0.0, least=2)
        best = max(best, rate)
        if size == _LARGEST or _TIMES * 2 * (2 * size) ** 3 / rate > seconds:
            return max(best, best_rate(call, 2 * size**3, seconds))
        size *= 2


def _torch_product(torch: Any, n: int, dtype: str, device: str) -> Callable[[], Any]:
    left, right = (torch.rand(n, n, device=device).to(getattr(torch, dtype)) for _ in range(2))
    out = torch.empty_like(left)

    def multiply() -> None:
        with torch.inference_mode():
            torch.mm(left, right, out=out)
        if device != "cpu":
            torch.cuda.synchronize(device)

    return multiply


def _numpy_product(n: int, dtype: str) -> Callable[[], Any]:
    left, right = (np.random.default_rng(i).random((n, n)).astype(dtype) for i in range(2))
    out = np.empty_like(left)
    return lambda: np.matmul(left, right, out=out)


def _host_copies(request: dict) -> float:
    """A copy and a search for the largest element, in as many threads as are asked for; numpy releases the
    interpreter for both. Reading alone is often faster than copying, and a model mostly reads."""
    threads, count = request["threads"], request["array_size"] // 4
    sources = [np.ones(count // threads, np.float32) for _ in range(threads)]
    targets = [np.zeros_like(part) for part in sources]
    size = sum(part.nbytes for part in sources)
    with ThreadPoolExecutor(threads) as pool:
        copying = best_rate(lambda: list(pool.map(np.copyto, targets, sources)), 2 * size, request["seconds"] / 2)
        reading = best_rate(lambda: list(pool.map(np.max, sources)), size, request["seconds"] / 2)
    return max(copying, reading)


def _device_copies(torch: Any, device: str, seconds: float) -> float:
    source = torch.ones(256 << 20, device=device)  # 1 GiB: beyond any cache
    target = torch.empty_like(source)

    def copy() -> None:
        target.copy_(source)
        torch.cuda.synchronize(device)

    copy()
    return best_rate(copy, 2 * source.numel() * source.element_size(), seconds)


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        return None
    return torch
