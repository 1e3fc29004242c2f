"""An open onnxruntime session: how it is called, what was observed of it, and its profile."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import precision, tensors
from benchlib.registry import Facts
from benchlib.runtimes import DeviceCalls, Feed, OpenRequest, ProfileRow, _bound, _cuda, _ort_settings, _placement
from benchlib.runtimes._stream import Stream
from benchlib.tensors import FlatArrays, Inputs, is_complex

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
ARENA = ("enable_cpu_mem_arena", "enable_mem_pattern", "arena_extend_strategy")  # options that decide memory
SHRINK = "memory.enable_memory_arena_shrinkage"  # of run options (onnxruntime_run_options_config_keys.h)
KEPT = (
    *("device_id", "use_tf32", "cudnn_conv_algo_search", "enable_cuda_graph", "arena_extend_strategy"),
    *("trt_fp16_enable", "trt_bf16_enable", "trt_int8_enable", "trt_cuda_graph_enable", "trt_engine_cache_enable"),
)
FAST_ON_ARM = "mlas.enable_gemm_fastmath_arm64_bfloat16"
REDUCED_SUMS_FORBIDDEN = 2  # bit of ORT_CUDA_GEMM_OPTIONS (onnxruntime's cuda_common.cc)


class OrtSession:
    """An InferenceSession and what was observed of it."""

    def __init__(self, session: Any, request: OpenRequest, stream: Stream | None = None):
        self.session, self.request, self.stream = session, request, stream
        self.feed: Feed = {}  # these three: of the inputs that were bound first, the recorded ones
        self.host_call: Callable[[], Any] | None = None
        self.bound: _bound.BoundCall | None = None
        self.reads_in_place = request.device == "cpu" and request.io == "host"
        settings = session.get_session_options()
        provider = session.get_providers()[0]
        on_device = [session.get_provider_options().get(name, {}) for name in (CUDA, TENSORRT)]
        options = {k: v for given in on_device for k, v in given.items() if k in KEPT}
        self.facts: Facts = {
            "providers": provider,
            "threads": settings.intra_op_num_threads,
            "interop_threads": settings.inter_op_num_threads,
            "graph_optimization": str(settings.graph_optimization_level).rpartition(".")[2],
            "arena": {name: request.options.get(name) for name in ARENA},
            "input_names": [i.name for i in session.get_inputs()],
            "precision": {
                **_precision(options if request.device != "cpu" else None, _ort_settings.entry(settings, FAST_ON_ARM)),
                "denormals": "zero" if _ort_settings.entry(settings, _ort_settings.DENORMALS) == "1" else "kept",
                "gelu": "approximated" if _ort_settings.entry(settings, _ort_settings.GELU) == "1" else "exact",
            },
            **_placement.facts(session, provider),
        }
        if request.device != "cpu":
            self.facts["provider_options"] = options

    def bind(self, inputs: Inputs, flat: FlatArrays) -> Callable[[], Any]:
        """With `io: host` the call is `session.run` on numpy arrays, or with bfloat16, which numpy lacks, on
        OrtValues; with `io: device` it is `run_with_iobinding` on OrtValues that lie on the device."""
        given = self.session.get_inputs()
        feed = feeds([i.name for i in given], inputs, flat, [i.name for i in given if _is_nested(i.type)])
        self.feed = self.feed or feed
        if self.request.io == "device":
            bound = self._bound(feed)
            self.bound = self.bound or bound
            return bound.call
        call = self._host_call(feed)
        self.host_call = self.host_call or call
        return call

    def _host_call(self, feed: Feed) -> Callable[[], Any]:
        options = _bound.run_options(self._run_entries()) if self._run_entries() else None
        kinds = {v.type for v in (*self.session.get_inputs(), *self.session.get_outputs())}
        if "tensor(bfloat16)" not in kinds:
            feed = tensors.apply(lambda a: np.ascontiguousarray(a).reshape(a.shape), feed)
            return partial(self.session.run, None, feed, options)
        values = {name: _bound.on_cpu(array) for name, array in feed.items()}
        run = self.session.run_with_ort_values
        return lambda: [_bound.to_array(value) for value in run(None, values, options)]

    def to_host(self, outputs: list[Any]) -> list[Any]:
        return [_bound.to_array(o, self.stream) if hasattr(o, "data_ptr") else _arrays(o) for o in outputs]

    def device_calls(self) -> DeviceCalls | None:
        """The parts of the bound call; None on the CPU, which has no clock but the host's."""
        if self.stream is None:
            return None
        return (self.bound or self._bound(self.feed)).parts(self.host_call)

    def profile(self, call: Callable[[], Any], calls: int) -> list[ProfileRow]:
        """The table of onnxruntime's own profiler, which runs since the session was opened. Raises RuntimeError
        when it shows work on the CPU that is the provider's: of an onnxruntime before 1.24 this is the proof."""
        for _ in range(calls):
            call()
        found = _placement.profile(json.loads(Path(self.session.end_profiling()).read_text()), calls)
        fallback = _placement.fallback(_placement.kinds(found), self.facts["providers"])
        if fallback and not self.request.options.get("allow_cpu_nodes", False):
            raise RuntimeError(fallback)
        return found

    def _run_entries(self) -> dict[str, str]:
        """Entries of the run options of every call."""
        if not self.request.options.get("arena_shrinkage", False):
            return {}
        kind, index = self.request.device.partition(":")[0], _cuda.index(self.request.device)
        return {SHRINK: "cpu:0" if kind == "cpu" else f"gpu:{index}"}

    def _bound(self, feed: Feed) -> _bound.BoundCall:
        device = self.request.device
        place = _bound.Place(device.partition(":")[0], _cuda.index(device), self.stream)
        return _bound.BoundCall(self.session, feed, place, self.request.cuda_graphs, self._run_entries())


def feeds(
    names: list[str],
    inputs: Inputs,
    flat: FlatArrays,
    nested: Collection[str] = (),
    complex_names: Collection[str] = (),
) -> Feed:
    """The arrays by the graph's input names: by name, else by position. A graph may have dropped inputs.

    Args:
        names: the graph's own.
        inputs: the nesting of arrays that the model takes.
        flat: the same by flat names, in order.
        nested: inputs that are sequences or optionals of tensors, and take a list or None.
        complex_names: inputs that take complex numbers; all others take these as pairs of real ones, in the same
            memory.
    """
    known = {**flat, **{n: v for n, v in inputs.items() if hasattr(v, "dtype") or n in nested}}
    if all(name in known for name in names):
        feed = {name: known[name] for name in names}
    elif len(names) == len(flat):
        feed = dict(zip(names, flat.values(), strict=True))
    else:
        raise RuntimeError(f"the graph takes {', '.join(names)}; the inputs are {', '.join(flat)}")
    as_pairs = {n: v for n, v in feed.items() if n not in complex_names and hasattr(v, "dtype") and is_complex(v)}
    return {**feed, **{name: tensors.as_pairs(array) for name, array in as_pairs.items()}}


def _is_nested(kind: str) -> bool:
    return kind.startswith(("seq(", "optional("))


def _arrays(output: Any) -> Any:
    """Sequences and maps with a number each (of ONNX's classifiers) as arrays."""
    if isinstance(output, dict):
        return {key: np.asarray(value) for key, value in output.items()}
    return [_arrays(item) for item in output] if isinstance(output, list) else output


def _precision(options: Mapping[str, str] | None, fast_on_arm: str = "") -> dict[str, str]:
    """In the words of `benchlib.precision`, from the options of the CUDA and TensorRT providers; None: on the CPU,
    where there is one setting that lowers it, on ARM."""
    if options is None:
        fast = fast_on_arm == "1" and platform.machine() in ("aarch64", "arm64")
        return {"matmul": "bf16" if fast else "ieee", "convolution": "ieee"}
    lowered = [word for word in ("int8", "fp16", "bf16") if options.get(f"trt_{word}_enable", "0") in ("1", "True")]
    float32 = lowered[0] if lowered else precision.on_cuda(options.get("use_tf32", "1") == "1")
    full = int(os.environ.get("ORT_CUDA_GEMM_OPTIONS", "0")) & REDUCED_SUMS_FORBIDDEN
    return {
        "matmul": float32,
        "convolution": float32,
        "convolution_search": options.get("cudnn_conv_algo_search", "EXHAUSTIVE").lower(),
        "fp16_reduction": "full" if full else "reduced",
    }
