"""ONNX Runtime, on the CPU and on CUDA."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.errors import Unavailable, UserError
from benchlib.registry import Option, Runtime
from benchlib.runtimes import OpenRequest, _cuda, _placement

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
PROVIDERS = {CPU: "cpu", CUDA: "cuda"}
LEVELS = {
    "off": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
BFLOAT16 = 16  # onnx.TensorProto.BFLOAT16

_SETTINGS = ("execution_mode", "inter_op_num_threads", "enable_mem_pattern", "enable_cpu_mem_arena",
             "use_deterministic_compute")  # fmt: skip

_ARENA = ("enable_cpu_mem_arena", "enable_mem_pattern", "arena_extend_strategy")
_STRATEGIES = ("kNextPowerOfTwo", "kSameAsRequested")


class OrtSession:
    """An InferenceSession and what was observed of it."""

    def __init__(self, session: Any, request: OpenRequest):
        self.session = session
        settings = session.get_session_options()
        self.facts: dict[str, Any] = {
            "providers": session.get_providers()[0],
            "threads": settings.intra_op_num_threads,
            "interop_threads": settings.inter_op_num_threads,
            "graph_optimization": str(settings.graph_optimization_level).rpartition(".")[2],
            "arena": {name: request.options.get(name) for name in _ARENA},
            "nodes_by_provider": _placement.counts(session),
            "input_names": [i.name for i in session.get_inputs()],
        }
        if request.device != "cpu":
            options = session.get_provider_options().get(CUDA, {})
            kept = ("device_id", "use_tf32", "cudnn_conv_algo_search", "arena_extend_strategy")
            self.facts["provider_options"] = {k: options[k] for k in kept if k in options}

    def bind(self, inputs: dict[str, Any], flat: dict[str, Any]) -> Callable[[], Any]:
        """The call is `session.run` on numpy arrays; with bfloat16, which numpy lacks, on OrtValues."""
        feed = feeds([i.name for i in self.session.get_inputs()], inputs, flat)
        kinds = {v.type for v in (*self.session.get_inputs(), *self.session.get_outputs())}
        run = self.session.run
        if "tensor(bfloat16)" not in kinds:
            feed = {name: np.ascontiguousarray(a).reshape(a.shape) for name, a in feed.items()}
            return partial(run, None, feed)
        values = {name: _value(array) for name, array in feed.items()}
        run_values = self.session.run_with_ort_values
        return lambda: [_array(value) for value in run_values(None, values)]


def open(request: OpenRequest) -> OrtSession:
    """A session on the requested provider alone. Raises Unavailable where the provider is not there."""
    import onnxruntime

    provider = provider_of(request.provider, request.device)
    reason = _missing(provider, request.device)
    if reason:
        raise Unavailable(reason)
    settings = _settings(request)
    given = dict(request.options.get("provider_options", {}))
    if provider == CUDA:
        onnxruntime.preload_dlls()
        given = {
            "device_id": _cuda.index(request.device),
            "use_tf32": 0,
            **given,
        }  # as torch's matrix products
    strategy = request.options.get("arena_extend_strategy", _STRATEGIES[0])
    if provider == CUDA:
        given.setdefault("arena_extend_strategy", strategy)
    elif strategy != _STRATEGIES[0]:
        _share_arena(settings, strategy)
    providers = [(provider, {k: str(v) for k, v in given.items()})]
    if provider != CPU:
        providers.append((CPU, {}))  # shape computations; `_placement` sees what else went there
    session = onnxruntime.InferenceSession(request.artifact, settings, providers=providers)
    if session.get_providers()[0] != provider:
        raise RuntimeError(f"{provider} would fall back to {session.get_providers()[0]}: it could not be created")
    session.disable_fallback()
    if provider != CPU and not request.options.get("allow_cpu_nodes", False):
        _placement.check(session, provider)
    return OrtSession(session, request)


def feeds(names: list[str], inputs: Mapping[str, Any], flat: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays by the graph's input names: by name, else by position. A graph may have dropped inputs."""
    known = {**flat, **{n: v for n, v in inputs.items() if hasattr(v, "dtype")}}
    if all(name in known for name in names):
        return {name: known[name] for name in names}
    if len(names) == len(flat):
        return dict(zip(names, flat.values(), strict=True))
    raise RuntimeError(f"the graph takes {', '.join(names)}; the inputs are {', '.join(flat)}")


def provider_of(asked: str, device: str) -> str:
    """The provider's full name: the asked one, else the device's own."""
    if not asked:
        return CPU if device == "cpu" else CUDA
    return asked if asked.endswith("ExecutionProvider") else f"{asked}ExecutionProvider"


def refuse(trial: Any) -> str | None:
    provider = provider_of(trial.provider, trial.device)
    kind = trial.device.partition(":")[0]
    if PROVIDERS.get(provider, kind) != kind:
        return f"{provider} runs on {PROVIDERS[provider]}, the device is {trial.device}"
    if provider == CPU and trial.dtype == "bfloat16":
        return f"{CPU} has no bfloat16 kernels for Add, Gemm or Conv"
    return None


def lacks(trial: Any) -> str | None:
    """What is missing for the provider, asked without importing onnxruntime."""
    return _cuda.missing(trial.device)


def _missing(provider: str, device: str) -> str | None:
    """The same in the worker, where onnxruntime's own libraries can be tried."""
    import onnxruntime

    if provider not in onnxruntime.get_available_providers():
        return f"this build of onnxruntime ({onnxruntime.__version__}) has no {provider}"
    reason = _cuda.missing(device)
    if reason or provider != CUDA:
        return reason
    onnxruntime.preload_dlls()
    problem = load_problem()
    return f"onnxruntime's {CUDA} does not load: {problem}" if problem else None


def load_problem() -> str | None:
    """Why the library of the CUDA provider cannot be loaded into this process, or None."""
    import onnxruntime

    folder = Path(onnxruntime.__file__).parent / "capi"
    try:
        ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(folder / "libonnxruntime_providers_cuda.so"))
    except OSError as error:
        return str(error)
    return None


def _settings(request: OpenRequest) -> Any:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = request.threads
    settings.inter_op_num_threads = 1
    settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[request.rtopt])
    settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    for name in _SETTINGS:
        if name in request.options:
            value = request.options[name]
            if name == "execution_mode":
                value = getattr(onnxruntime.ExecutionMode, f"ORT_{value.upper()}")
            setattr(settings, name, value)
    entries = dict(request.options.get("session_config", {}))
    if "allow_spinning" in request.options:
        entries["session.intra_op.allow_spinning"] = int(request.options["allow_spinning"])
    for key, value in entries.items():
        try:
            settings.add_session_config_entry(str(key), str(int(value) if isinstance(value, bool) else value))
        except Exception as error:
            raise UserError(f"runtime_args: session_config '{key}': {error}") from error
    return settings


def _share_arena(settings: Any, strategy: str) -> None:
    """Makes the session use an arena of this process that grows by `strategy`: its own one cannot be told how."""
    import onnxruntime as ort

    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    arena = ort.OrtArenaCfg({"arena_extend_strategy": _STRATEGIES.index(strategy)})
    ort.create_and_register_allocator(memory, arena)
    settings.add_session_config_entry("session.use_env_allocators", "1")


def _value(array: np.ndarray) -> Any:
    import onnxruntime

    plain = np.ascontiguousarray(array).reshape(array.shape)
    if tensors.dtype_of(array) == "bfloat16":
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(plain.view(np.ndarray), BFLOAT16)
    return onnxruntime.OrtValue.ortvalue_from_numpy(plain)


def _array(value: Any) -> np.ndarray:
    """An output as an array; the bits of a bfloat16 are copied out, as onnxruntime does with other types."""
    if value.data_type() != "tensor(bfloat16)":
        return value.numpy()
    shape = value.shape()
    count = int(np.prod(shape, dtype=np.int64))
    buffer = (ctypes.c_uint16 * count).from_address(value.data_ptr()) if count else b""
    return tensors.labelled(np.frombuffer(buffer, np.uint16).reshape(shape).copy(), "bfloat16")


runtime = Runtime(
    name="onnxruntime",
    summary="ONNX Runtime",
    opens=("onnx",),
    open=open,
    packages=("onnxruntime",),
    providers=PROVIDERS,
    options={
        "allow_spinning": Option(bool, True, "idle threads spin for a while before they sleep"),
        "execution_mode": Option(str, "sequential", "order of the graph's nodes", ("sequential", "parallel")),
        "inter_op_num_threads": Option(int, 1, "threads for nodes side by side, in parallel mode"),
        "enable_mem_pattern": Option(bool, True, "plan memory from the shapes of the first call"),
        "enable_cpu_mem_arena": Option(bool, True, "keep memory between calls"),
        "arena_extend_strategy": Option(str, _STRATEGIES[0], "how the memory that is kept grows", _STRATEGIES),
        "use_deterministic_compute": Option(bool, False, "prefer deterministic kernels"),
        "session_config": Option(dict, {}, "session configuration entries by their own keys"),
        "provider_options": Option(dict, {}, "options of the execution provider by their own names"),
        "allow_cpu_nodes": Option(bool, False, "let work that the provider lacks run on the CPU; the record counts it"),
    },
    refuse=refuse,
    lacks=lacks,
)
