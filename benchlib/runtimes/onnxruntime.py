"""ONNX Runtime, on the CPU and on CUDA."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchlib.errors import Unavailable, UserError
from benchlib.registry import Option, Runtime
from benchlib.runtimes import OpenRequest, _cuda, _placement
from benchlib.runtimes._ort_session import CPU, CUDA, OrtSession
from benchlib.runtimes._stream import Stream

PROVIDERS = {CPU: "cpu", CUDA: "cuda"}
OURS = {"user_compute_stream": "the measuring", "enable_cuda_graph": "cuda_graphs", "device_id": "device"}
LEVELS = {
    "off": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
_SETTINGS = ("execution_mode", "inter_op_num_threads", "enable_mem_pattern", "enable_cpu_mem_arena",
             "use_deterministic_compute")  # fmt: skip

STRATEGIES = ("kNextPowerOfTwo", "kSameAsRequested")


def open(request: OpenRequest) -> OrtSession:
    """A session on the requested provider alone. Raises Unavailable where the provider is not there."""
    import onnxruntime

    provider = provider_of(request.provider, request.device)
    if request.profile and provider == CUDA:
        # Kernels run behind the host's back, and onnxruntime's profiler looks at the host alone: here each launch
        # waits for its kernel. Read when the driver starts, which is below.
        os.environ["CUDA_LAUNCH_BLOCKING"] = "1"
    reason = _missing(provider, request.device)
    if reason:
        raise Unavailable(reason)
    settings = _settings(request)
    given, stream = dict(request.options.get("provider_options", {})), None
    if provider == CUDA:
        onnxruntime.preload_dlls()
        stream = Stream(_cuda.index(request.device))
        given = cuda_options(request.device, given, request.cuda_graphs) | {"user_compute_stream": stream.address}
    strategy = request.options.get("arena_extend_strategy", STRATEGIES[0])
    if strategy != STRATEGIES[0] and provider == CUDA:
        given.setdefault("arena_extend_strategy", strategy)
    elif strategy != STRATEGIES[0]:
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
    return OrtSession(session, request, stream)


def cuda_options(device: str, given: Mapping[str, Any], cuda_graphs: bool) -> dict[str, Any]:
    """The options of the CUDA provider: as torch computes unless told otherwise (no TensorFloat-32, cuDNN's
    algorithms chosen and not tried out), then what is `given`."""
    graphs = {"enable_cuda_graph": 1} if cuda_graphs else {}
    return {"device_id": _cuda.index(device), "use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC", **graphs, **given}


def provider_of(asked: str, device: str) -> str:
    """The provider's full name: the asked one, else the device's own."""
    if not asked:
        return CPU if device == "cpu" else CUDA
    return asked if asked.endswith("ExecutionProvider") else f"{asked}ExecutionProvider"


def refuse(trial: Any) -> str | None:
    provider = provider_of(trial.provider, trial.device)
    for name, instead in OURS.items():
        if name in trial.runtime_args.get("provider_options", {}):
            return f"runtime_args: provider_options '{name}' is set by {instead}"
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
    if request.profile:
        settings.enable_profiling = True
        settings.profile_file_prefix = str(Path(request.profile) / "onnxruntime")
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
    arena = ort.OrtArenaCfg({"arena_extend_strategy": STRATEGIES.index(strategy)})
    ort.create_and_register_allocator(memory, arena)
    settings.add_session_config_entry("session.use_env_allocators", "1")


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
        "arena_extend_strategy": Option(str, STRATEGIES[0], "how the memory that is kept grows", STRATEGIES),
        "use_deterministic_compute": Option(bool, False, "prefer deterministic kernels"),
        "session_config": Option(dict, {}, "session configuration entries by their own keys"),
        "provider_options": Option(dict, {}, "options of the execution provider by their own names"),
        "allow_cpu_nodes": Option(bool, False, "let work that the provider lacks run on the CPU; the record counts it"),
    },
    io=("host", "device"),
    cuda_graphs=True,
    profiles=True,
    refuse=refuse,
    lacks=lacks,
)
