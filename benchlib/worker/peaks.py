"""The most that this machine does: products of large matrices by each library, and large copies, the best of many.

Copies are counted as in STREAM (J. McCalpin, https://www.cs.virginia.edu/stream): bytes read plus bytes written.
A product of two n × n matrices is 2 n³ operations.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import numpy as np

from benchlib.errors import Unavailable
from benchlib.worker.messages import MeasurePeaks, Peaks
from benchlib.worker.service import Worker, verb

Call = Callable[[], Any]
Product = Callable[[int], Call]  # of two matrices with so many rows: a call multiplies them

_SMALLEST, _LARGEST = 256, 8192  # rows of a matrix
_TIMES = 16  # products that the time has to allow for a size to be tried


@verb
def measure_peaks(worker: Worker, request: MeasurePeaks) -> Peaks:
    """The best rate of all libraries, and the best of copying. Raises Unavailable where no library multiplies matrices
    on the device."""
    device, seconds = request.device, request.seconds
    rates = {library: _best_product(product, seconds) for library, product in _products(request)}
    if not rates:
        raise Unavailable(f"no library here multiplies matrices on {device}: that takes torch")
    fastest = max(rates, key=rates.__getitem__)
    if device == "cpu":
        return Peaks(rates[fastest], _host_copies(request), fastest)
    import torch

    cache = torch.cuda.get_device_properties(device).L2_cache_size
    return Peaks(rates[fastest], _device_copies(torch, device, seconds), fastest, cache)


def best_rate(call: Call, work: float, seconds: float, least: int = 3) -> float:
    """The highest work ÷ time of one of the calls that `seconds` allow, at least `least`."""
    best, done, end = 0.0, 0, time.perf_counter() + seconds
    while done < least or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        best = max(best, work / (time.perf_counter() - begin))
        done += 1
    return best


def _best_product(product: Product, seconds: float) -> float:
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


def _products(request: MeasurePeaks) -> Iterator[tuple[str, Product]]:
    """The products of every library that is there, with its name and version."""
    for name, of_library in _LIBRARIES.items():
        with contextlib.suppress(ImportError):
            library = import_module(name)
            for dtype, product in of_library(library, request):
                yield f"{name} {library.__version__} {dtype}", product


def _torch_products(torch: Any, request: MeasurePeaks) -> Iterator[tuple[str, Product]]:
    device = request.device
    torch.set_num_threads(request.threads)
    torch.set_float32_matmul_precision("highest" if device == "cpu" else "high")  # on CUDA with TF32: it is a peak

    def product(name: str, n: int) -> Call:
        left, right = (torch.rand(n, n, device=device).to(getattr(torch, name)) for _ in range(2))
        out = torch.empty_like(left)

        def multiply() -> None:
            with torch.inference_mode():
                torch.mm(left, right, out=out)
            if device != "cpu":
                torch.cuda.synchronize(device)

        return multiply

    # A runtime may convert to float32 what the hardware does not compute as it is.
    for name in {request.dtype, "float32"}:
        yield name, functools.partial(product, name)


def _numpy_products(numpy: Any, request: MeasurePeaks) -> Iterator[tuple[str, Product]]:
    def product(n: int) -> Call:
        left, right = _float32_matrices(n)
        out = numpy.empty_like(left)
        return lambda: numpy.matmul(left, right, out=out)

    if request.device == "cpu":
        yield "float32", product


def _onnxruntime_products(onnxruntime: Any, request: MeasurePeaks) -> Iterator[tuple[str, Product]]:
    from onnx import TensorProto, helper, numpy_helper

    def product(n: int) -> Call:
        left, right = _float32_matrices(n)
        ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, [n, n]) for end in ("left", "out")]
        multiply = helper.make_node("MatMul", ["left", "right"], ["out"])
        weights = [numpy_helper.from_array(right, "right")]
        graph = helper.make_graph([multiply], "product", ends[:1], ends[1:], weights)
        model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = request.threads
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        return lambda: session.run(None, {"left": left})

    if request.device == "cpu":
        yield "float32", product


# Each brings its own kernels, and none is the fastest everywhere: on a processor of AMD's with AVX-512 torch's (MKL)
# were seen to reach 215, numpy's (OpenBLAS) 250 and onnxruntime's (MLAS) 480 GFLOP/s.
_LIBRARIES: dict[str, Callable[..., Iterator[tuple[str, Product]]]] = {
    "torch": _torch_products,
    "numpy": _numpy_products,
    "onnxruntime": _onnxruntime_products,
}


def _float32_matrices(n: int) -> list[np.ndarray]:
    return [np.random.default_rng(i).random((n, n), np.float32) for i in range(2)]


def _host_copies(request: MeasurePeaks) -> float:
    """A copy and a search for the largest element, in as many threads as are asked for; numpy releases the
    interpreter for both. Reading alone is often faster than copying, and a model mostly reads."""
    threads, count = request.threads, request.array_size // 4
    sources = [np.ones(count // threads, np.float32) for _ in range(threads)]
    targets = [np.zeros_like(part) for part in sources]
    size = sum(part.nbytes for part in sources)
    with ThreadPoolExecutor(threads) as pool:
        copying = best_rate(lambda: list(pool.map(np.copyto, targets, sources)), 2 * size, request.seconds / 2)
        reading = best_rate(lambda: list(pool.map(np.max, sources)), size, request.seconds / 2)
    return max(copying, reading)


def _device_copies(torch: Any, device: str, seconds: float) -> float:
    source = torch.ones(256 << 20, device=device)  # 1 GiB: beyond any cache
    target = torch.empty_like(source)

    def copy() -> None:
        target.copy_(source)
        torch.cuda.synchronize(device)

    copy()
    return best_rate(copy, 2 * source.numel() * source.element_size(), seconds)
