"""ONNX Runtime, on the CPU, on CUDA and through TensorRT."""

from __future__ import annotations

import ctypes
import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchlib.errors import Unavailable
from benchlib.registry import Option, Runtime
from benchlib.runtimes import OpenRequest, _cuda, _onnx_versions, _ort_settings, _placement
from benchlib.runtimes._ort_session import CPU, CUDA, TENSORRT, OrtSession
from benchlib.runtimes._stream import Stream

ProviderOptions = Mapping[str, Any]  # of an execution provider, by its own names
Chain = dict[str, ProviderOptions]  # execution providers in the order in which onnxruntime asks them -> their options
PROVIDERS = {CPU: "cpu", CUDA: "cuda", TENSORRT: "cuda"}
OURS = {
    "user_compute_stream": "the measuring",
    "has_user_compute_stream": "the measuring",
    "enable_cuda_graph": "cuda_graphs",
    "trt_cuda_graph_enable": "cuda_graphs",
    "device_id": "device",
}
LIBRARIES = {CUDA: "libonnxruntime_providers_cuda.so", TENSORRT: "libonnxruntime_providers_tensorrt.so"}
STRATEGIES = ("kNextPowerOfTwo", "kSameAsRequested")
COMPILE_CACHE = "TORCHINDUCTOR_CACHE_DIR"  # names the folder of a trial's own compile caches (`measure.controller`)


def open(request: OpenRequest) -> OrtSession:
    """A session on the requested provider alone. Raises Unavailable where the provider is not there."""
    import onnxruntime

    provider = provider_of(request.provider, request.device)
    if request.profile and provider in LIBRARIES:
        # Kernels run behind the host's back, and onnxruntime's profiler looks at the host alone: here each launch
        # waits for its kernel. Read when the driver starts, which is below.
        os.environ["CUDA_LAUNCH_BLOCKING"] = "1"
    given = _as_texts(request.options.get("provider_options", {}))
    if provider == TENSORRT and given.get("use_tf32") != "1":
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # onnxruntime has no option for what TensorRT does by default
    reason = _missing(provider, request.device)
    if reason:
        raise Unavailable(reason)
    settings, stream = _ort_settings.made(request), None
    chain: Chain = {provider: given}
    strategy = request.options.get("arena_extend_strategy", STRATEGIES[0])
    if provider in LIBRARIES:
        onnxruntime.preload_dlls()
        stream = Stream(_cuda.index(request.device))
        if strategy != STRATEGIES[0]:
            given.setdefault("arena_extend_strategy", strategy)
        chain = _on_stream(stream, on_device(provider, request.device, given, request.cuda_graphs))
    elif strategy != STRATEGIES[0]:
        _share_arena(settings, strategy)
    if not request.options.get("disable_cpu_ep_fallback", False):
        chain.setdefault(CPU, {})  # shape computations; `_placement` sees what else went there
    providers = [(name, {k: str(v) for k, v in options.items()}) for name, options in chain.items()]
    session = _onnx_versions.opened(request.artifact, settings, providers)
    if session.get_providers()[0] != provider:
        raise RuntimeError(f"{provider} would fall back to {session.get_providers()[0]}: it could not be created")
    session.disable_fallback()
    if provider != CPU and not request.options.get("allow_cpu_nodes", False):
        _placement.check(session, provider)
    return OrtSession(session, request, stream)


def _as_texts(options: ProviderOptions) -> dict[str, str]:
    """Options as onnxruntime reads them: true is 1."""
    return {name: str(int(value) if isinstance(value, bool) else value) for name, value in options.items()}


def on_device(provider: str, device: str, given: ProviderOptions, cuda_graphs: bool) -> Chain:
    """The providers on a CUDA device with their options, in order. Behind TensorRT stands CUDA for what it lacks;
    of the options that are `given` those called `trt_…` are TensorRT's, the others CUDA's."""
    if provider == CUDA:
        return {CUDA: cuda_options(device, given, cuda_graphs)}
    own = {name: value for name, value in given.items() if name.startswith("trt_")}
    rest = {name: value for name, value in given.items() if name not in own}
    return {
        TENSORRT: tensorrt_options(device, own, cuda_graphs),
        CUDA: cuda_options(device, rest, cuda_graphs=False),
    }


def _on_stream(stream: Stream, chain: Chain) -> Chain:
    """The providers of a CUDA device on the stream that is measured, with the folders that their options name."""
    if engines := chain.get(TENSORRT, {}).get("trt_engine_cache_path"):
        Path(engines).mkdir(parents=True, exist_ok=True)
    return {name: {**options, "user_compute_stream": stream.address} for name, options in chain.items()}


def tensorrt_options(device: str, given: ProviderOptions, cuda_graphs: bool) -> ProviderOptions:
    """The options of the TensorRT provider: float32 unless told otherwise, engines kept among the trial's own compile
    caches so that its later processes load what the first one built, then what is `given`. Outside a trial (in the
    proof of a row) none are kept: in a shared temporary folder they could be anybody's, and engines are code."""
    caches = os.environ.get(COMPILE_CACHE)
    kept = {"trt_engine_cache_enable": 1, "trt_engine_cache_path": f"{caches}/tensorrt"} if caches else {}
    graphs = {"trt_cuda_graph_enable": 1} if cuda_graphs else {}
    return {"device_id": _cuda.index(device), "trt_fp16_enable": 0, "trt_bf16_enable": 0, **kept, **graphs, **given}


def cuda_options(device: str, given: ProviderOptions, cuda_graphs: bool) -> ProviderOptions:
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
    if provider == CPU and trial.runtime_args.get("disable_cpu_ep_fallback"):
        return f"disable_cpu_ep_fallback forbids {CPU}, which the trial asks for"
    if provider == CPU and trial.dtype == "bfloat16":
        return f"{CPU} has no bfloat16 kernels for Add, Gemm or Conv"
    if trial.dtype == "float64" and provider == TENSORRT:
        return f"{provider} has no float64"
    return _ort_settings.rule_against(trial.runtime_args)


def lacks(trial: Any) -> str | None:
    """What is missing for the provider, asked without importing onnxruntime."""
    return _cuda.missing(trial.device)


def _missing(provider: str, device: str) -> str | None:
    """The same in the worker, where onnxruntime's own libraries can be tried."""
    import onnxruntime

    if provider not in onnxruntime.get_available_providers():
        return f"this build of onnxruntime ({onnxruntime.__version__}) has no {provider}"
    reason = _cuda.missing(device)
    if reason or provider not in LIBRARIES:
        return reason
    onnxruntime.preload_dlls()
    problem = load_problem(provider)
    return f"onnxruntime's {provider} does not load: {problem}" if problem else None


def load_problem(provider: str = CUDA) -> str | None:
    """Why the library of a provider cannot be loaded into this process, or None."""
    import onnxruntime

    if provider == TENSORRT and importlib.util.find_spec("tensorrt_libs"):
        importlib.import_module("tensorrt_libs")  # of NVIDIA's wheels: loads libnvinfer from where they put it
    folder = Path(onnxruntime.__file__).parent / "capi"
    try:
        ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(folder / LIBRARIES[provider]))
    except OSError as error:
        return str(error)
    return None


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
    usual=True,
    providers=PROVIDERS,
    options={
        **_ort_settings.OPTIONS,
        "arena_extend_strategy": Option(str, STRATEGIES[0], "how the memory that is kept grows", STRATEGIES),
        "arena_shrinkage": Option(bool, False, "give memory that is kept back after each call"),
        "provider_options": Option(dict, {}, "options of the execution provider by their own names"),
        "allow_cpu_nodes": Option(bool, False, "let work that the provider lacks run on the CPU; the record counts it"),
    },
    io=("host", "device"),
    cuda_graphs=True,
    profiles=True,
    contrib=True,
    refuse=refuse,
    lacks=lacks,
)
