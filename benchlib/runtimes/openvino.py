"""OpenVINO on the CPU, opening ONNX files.

It computes in float32 unless `infer_precision` asks otherwise: by default OpenVINO takes bfloat16 where a processor
has it, and no other runtime here does. Of onnxruntime's own operators (com.microsoft) it reads some two dozen
(Attention, BiasGelu, FastGelu, FusedConv, FusedGemm, MatMulNBits, SkipLayerNormalization, …), not all, and some only
in part: a graph that has been fused for onnxruntime is therefore refused, not tried (`contrib` is false).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchlib import tensors
from benchlib.errors import Unavailable, UserError, suggestion
from benchlib.registry import Facts, Option, Runtime
from benchlib.runtimes import Feed, OpenRequest, ProfileRow, _placement
from benchlib.runtimes._ort_session import feeds
from benchlib.tensors import FlatArrays, Inputs

Properties = Mapping[str, Any]  # of OpenVINO, by its own keys
DEVICE = "CPU"
WORDS = {"f32": "ieee", "bf16": "bf16", "f16": "fp16"}  # OpenVINO's types in those of `benchlib.precision`
COMPUTES = {"ieee": "float32", "bf16": "bfloat16", "fp16": "float16"}
OURS = {  # properties that a parameter of the trial, or an option with its own name, decides
    "INFERENCE_NUM_THREADS": "num_cores",
    "PERF_COUNT": "profile",
    "PERFORMANCE_HINT": "hint",
    "NUM_STREAMS": "num_streams",
    "INFERENCE_PRECISION_HINT": "infer_precision",
    "ENABLE_CPU_PINNING": "enable_cpu_pinning",
    "ENABLE_HYPER_THREADING": "enable_hyper_threading",
    "SCHEDULING_CORE_TYPE": "scheduling_core_type",
    "CACHE_DIR": "cache_dir",
}
KEPT = ("NUM_STREAMS", "PERFORMANCE_HINT", "EXECUTION_MODE_HINT", "ENABLE_CPU_PINNING", "ENABLE_HYPER_THREADING",
        "SCHEDULING_CORE_TYPE", "DYNAMIC_QUANTIZATION_GROUP_SIZE", "KV_CACHE_PRECISION")  # fmt: skip


class MeanTime(NamedTuple):
    """What OpenVINO counted of a node: the operator that it runs, and the mean of its seconds over all calls."""

    operator: str
    mean: float


class OpenVinoSession:
    """A compiled model and what was read back of it."""

    def __init__(self, model: Any, request: OpenRequest, halved: bool):
        self.model, self.request, self.calls = model, request, 0
        self.bound: Any = None  # the request of what was bound first, which is timed and profiled
        read = {key: model.get_property(key) for key in model.get_property("SUPPORTED_PROPERTIES")}
        floats = WORDS.get(read["INFERENCE_PRECISION_HINT"].get_type_name(), "ieee")
        halved_as = {"computes": COMPUTES[floats]} if halved else {}  # whatever precision the weights have
        self.facts: Facts = {
            "providers": ", ".join(read["EXECUTION_DEVICES"]),
            "threads": read["INFERENCE_NUM_THREADS"],
            "interop_threads": read["NUM_STREAMS"],
            "input_names": [port.get_any_name() for port in model.inputs],
            "precision": {
                **halved_as,
                "matmul": floats,
                "convolution": floats,
                "denormals": "zero" if read["CPU_DENORMALS_OPTIMIZATION"] else "kept",
            },
            "properties": {key: _text(read[key]) for key in KEPT if key in read},
        }

    def bind(self, inputs: Inputs, flat: FlatArrays) -> Callable[[], Any]:
        """A synchronous call of an infer request of its own.

        The inputs are the arrays' own memory, set once, before the timing. Outputs are copied to new arrays inside
        the timing, as onnxruntime's `run` does on the CPU: without that the next call would overwrite them. Other
        shapes are bound by another `bind`. Raises RuntimeError for bfloat16, and for what the graph does not take.
        """
        feed = feeds(self.facts["input_names"], inputs, flat)
        if any(tensors.dtype_of(array) == "bfloat16" for array in feed.values()):
            raise RuntimeError("OpenVINO takes no bfloat16 from numpy")
        request, held = self.model.create_infer_request(), {name: _tensor(array) for name, array in feed.items()}
        try:
            for name, tensor in held.items():
                request.set_tensor(name, tensor)
        except RuntimeError as error:
            raise RuntimeError(f"OpenVINO does not take input {name}: {said(error)}") from error
        self.bound = self.bound or request
        # An infer request does not keep the memory of a shared tensor: the call has to hold it.
        return partial(self._counted if self.request.profile else _outputs, request, held)

    def profile(self, call: Callable[[], Any], calls: int) -> list[ProfileRow]:
        """The table of OpenVINO's own counters, whose operators are OpenVINO's (`FullyConnected`). They hold a mean
        over all calls of a node since the model was compiled, in whole microseconds: what the calls before these took
        is subtracted."""
        before, done = self._counters(), self.calls
        for _ in range(calls):
            call()
        found: dict[tuple[str, str], tuple[int, float]] = {}
        for node, (operator, mean) in self._counters().items():
            seconds = mean * self.calls - before.get(node, MeanTime(operator, 0.0)).mean * done
            count, sum_ = found.get((operator, self.facts["providers"]), (0, 0.0))
            found[operator, self.facts["providers"]] = count + calls, sum_ + max(0.0, seconds)
        return _placement.table(found, calls)

    def _counted(self, request: Any, held: Feed) -> list[np.ndarray]:
        self.calls += 1
        return _outputs(request, held)

    def _counters(self) -> Mapping[str, MeanTime]:
        """Of each node that ran its operator and the mean of its seconds; names are made unique by their order."""
        if not self.calls:
            return {}
        seen: Counter[str] = Counter()
        found = {}
        for node in self.bound.get_profiling_info():
            seen[node.node_name] += 1
            if node.status.name == "EXECUTED":
                name = f"{node.node_name}/{seen[node.node_name]}"
                found[name] = MeanTime(node.node_type, node.real_time.total_seconds())
        return found


def open(request: OpenRequest) -> OpenVinoSession:
    """The graph compiled for the CPU. Raises UserError for a property that there is not, RuntimeError for a graph
    that OpenVINO cannot read or compile."""
    import openvino

    core = openvino.Core()
    if DEVICE not in core.available_devices:
        raise Unavailable(f"this OpenVINO ({openvino.__version__}) has no device {DEVICE}")
    given = {str(key): value for key, value in request.options.get("properties", {}).items()}
    _check(core, given)
    try:
        graph = core.read_model(request.artifact)
    except RuntimeError as error:
        raise RuntimeError(f"OpenVINO cannot read the graph: {said(error)}") from error
    try:
        model = core.compile_model(graph, DEVICE, {**properties(request), **given})
    except RuntimeError as error:
        raise RuntimeError(f"OpenVINO cannot compile the graph: {said(error)}") from error
    return OpenVinoSession(model, request, _halved(graph))


def _halved(graph: Any) -> bool:
    """Whether a graph has weights in half precision."""
    constants = (op for op in graph.get_ops() if op.get_type_name() == "Constant")
    return any(op.get_output_element_type(0).get_type_name() in ("f16", "bf16") for op in constants)


def properties(request: OpenRequest) -> Properties:
    """OpenVINO's properties for a request. What is not asked for is left to OpenVINO."""
    options = {name: request.options.get(name, option.default) for name, option in runtime.options.items()}
    exact = options["infer_precision"] == "f32"
    found = {
        "INFERENCE_NUM_THREADS": request.threads,
        "INFERENCE_PRECISION_HINT": options["infer_precision"],
        # `PERFORMANCE` would allow activations to be quantised where weights are (DYNAMIC_QUANTIZATION_GROUP_SIZE)
        "EXECUTION_MODE_HINT": "ACCURACY" if exact else "PERFORMANCE",
        "SCHEDULING_CORE_TYPE": options["scheduling_core_type"].upper(),
        "PERF_COUNT": bool(request.profile),
    }
    if options["hint"] != "none":
        found["PERFORMANCE_HINT"] = options["hint"].upper()
    if options["num_streams"] or options["hint"] == "none":
        found["NUM_STREAMS"] = options["num_streams"] or 1
    for name in ("enable_cpu_pinning", "enable_hyper_threading", "cache_dir"):
        if options[name] not in (None, ""):
            found[name.upper()] = options[name]
    return found


def refuse(trial: Any) -> str | None:
    if trial.dtype == "bfloat16":
        return "runtime openvino takes no bfloat16 inputs (infer_precision: bf16 computes float32 models in it)"
    if trial.dtype == "float64":
        return "runtime openvino computes in float32 at most, and the dtype is float64"
    if trial.rtopt != "all":
        return f"runtime openvino has no levels of graph optimisation (rtopt: {trial.rtopt})"
    for key, instead in OURS.items():
        if key in trial.runtime_args.get("properties", {}):
            return f"runtime_args: properties '{key}' is set by {instead}"
    return None


def said(error: Exception) -> str:
    """What an error of OpenVINO's says, in a line, without the lines about its own source files."""
    noise = ("Exception from", "Check '", "FrontEnd API failed", "Summary:")
    lines = [line.strip(" -") for line in str(error).splitlines()]
    told = " ".join(line for line in lines if line and not line.startswith(noise))
    return (told or str(error).strip().partition("\n")[0])[:400]


def _check(core: Any, given: Properties) -> None:
    """Raises UserError for a property that OpenVINO does not have, or a value that it does not take."""
    modes = core.get_property(DEVICE, "SUPPORTED_PROPERTIES")
    writable = [key for key, mode in modes.items() if mode == "RW"]
    for key, value in given.items():
        if key not in writable:
            raise UserError(f"runtime_args: OpenVINO has no property '{key}' to set{suggestion(key, writable)}")
        try:
            core.set_property(DEVICE, {key: value})
        except RuntimeError as error:
            raise UserError(f"runtime_args: properties '{key}': {said(error)}") from error


def _outputs(request: Any, held: Feed) -> list[np.ndarray]:
    """One inference; the outputs in new arrays."""
    return list(request.infer().values())


def _tensor(array: np.ndarray) -> Any:
    """A tensor over the array's own memory, or over that of a copy where OpenVINO cannot use it."""
    import openvino

    return openvino.Tensor(np.require(array, requirements=["C", "W"]), shared_memory=True)


def _text(value: Any) -> Any:
    """A property as JSON takes it: types by their names, `ACCURACY` of `ExecutionMode.ACCURACY`."""
    if hasattr(value, "get_type_name"):
        return value.get_type_name()
    return value if isinstance(value, bool | int) else str(value).rpartition(".")[2]


HINTS = ("none", "latency", "throughput", "cumulative_throughput")
runtime = Runtime(
    name="openvino",
    summary="OpenVINO",
    opens=("onnx",),
    open=open,
    packages=("openvino",),
    usual=True,
    providers={DEVICE: "cpu"},
    options={
        "hint": Option(str, "none", "what OpenVINO sets itself up for", HINTS),
        "num_streams": Option(int, 0, "streams that share the threads; 0: one, or with a hint OpenVINO's choice"),
        "infer_precision": Option(str, "f32", "what floating point is computed in", tuple(WORDS)),
        "enable_cpu_pinning": Option(bool, None, "threads stay on their cores; unset: OpenVINO's choice"),
        "enable_hyper_threading": Option(bool, None, "use both threads of a core; unset: OpenVINO's choice"),
        "scheduling_core_type": Option(
            str, "any_core", "cores of a hybrid processor", ("any_core", "pcore_only", "ecore_only")
        ),
        "cache_dir": Option(str, "", "folder that keeps compiled models; empty: none"),
        "properties": Option(dict, {}, "other properties by OpenVINO's own keys"),
    },
    profiles=True,
    refuse=refuse,
)
