"""torch itself: the saved module, as it is or compiled when it is opened; and what exporters left for torch to run,
which takes the flat tensors of the inputs in order."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from benchlib import precision, tensors
from benchlib.errors import Unavailable
from benchlib.models import _saved
from benchlib.models import call as call_module
from benchlib.models._facts import weights_hash
from benchlib.registries import exporters
from benchlib.registry import Facts, Option, Runtime
from benchlib.runtimes import DeviceCalls, OpenRequest, ProfileRow, _cuda
from benchlib.runtimes._torch_calls import CudaCalls, HostCall, operators
from benchlib.tensors import FlatArrays, Inputs


class TorchSession:
    """A module on its device, as torch runs it, or (`module` None) something exported that torch runs."""

    def __init__(self, module: Any, called: Any, request: OpenRequest):
        self.module = module  # with its weights; `called` may be a compiled face of it
        self.called, self.request = called, request
        self.calls: CudaCalls | None = None
        # Tensors on the CPU are views of the arrays that are bound; on a device they lie there once and for all, or are
        # copied there by each call.
        self.reads_in_place = request.device == "cpu" and not request.options.get("float64", False)
        self.keeps_inputs = request.device != "cpu" and request.io == "device"
        self.takes_tensors = module is not None

    @cached_property
    def facts(self) -> Facts:
        """Asked of torch and of the module when first read, so that hashing is no part of opening."""
        import torch

        of_module = {}
        if self.module is not None:
            of_module = {"weights_hash": weights_hash(self.module), "devices": devices_of(self.module)}
        return {
            "providers": "CPU" if self.request.device == "cpu" else "CUDA",
            "threads": torch.get_num_threads(),
            "interop_threads": torch.get_num_interop_threads(),
            **of_module,
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "precision": _precision(on_cuda=self.request.device != "cpu"),
        }

    def compile_cache(self) -> str | None:
        """`cold` when the compiler did its work in this process, `warm` when it found it done; None: no compiler."""
        import sys

        utils = sys.modules.get("torch._dynamo.utils")
        if utils is None:
            return None
        found = utils.counters["inductor"]
        if found["fxgraph_cache_miss"] or found["fxgraph_cache_bypass"]:
            return "cold"
        if found["fxgraph_cache_hit"]:
            return "warm"
        return "cold" if utils.counters["stats"]["unique_graphs"] else None  # dynamo alone captures in each process

    def bind(self, inputs: Inputs, flat: FlatArrays) -> Callable[[], Any]:
        """On the CPU a forward. On CUDA with `io: host` it copies the inputs there and the outputs back, which
        waits; with `io: device` it is a forward on tensors that lie there, and a wait for the current stream."""
        import torch

        called, positional = self.called, self.request.positional
        host = tensors.apply(tensors.to_torch, tuple(flat.values()) if self.module is None else inputs)
        host = tensors.moved(_widened, host) if self.request.options.get("float64", False) else host

        @torch.inference_mode()
        def forward(given: Any) -> Any:
            return call_module(called, given, positional) if isinstance(given, dict) else called(*given)

        if self.request.device == "cpu":
            return HostCall.of(forward, host)
        calls = CudaCalls(forward, host, self.request.device, self.request.cuda_graphs)
        self.calls = self.calls or calls  # what is timed are the inputs that were bound first
        return calls.bound(self.request.io)

    def device_calls(self) -> DeviceCalls | None:
        """The parts of the bound call; None on the CPU, which has no clock but the host's."""
        return self.calls.parts(self.request.io) if self.calls else None

    def profile(self, call: Callable[[], Any], calls: int) -> list[ProfileRow]:
        """The table of torch's own profiler: operators, and on CUDA the time that their kernels took."""
        return operators(call, calls, on_cuda=self.request.device != "cpu")


def open(request: OpenRequest) -> TorchSession:
    """The saved module on the request's device, prepared by its exporter. Raises Unavailable."""
    import torch

    reason = _cuda.missing(request.device)
    if reason:
        raise Unavailable(reason)
    if request.device != "cpu" and not torch.cuda.is_available():
        raise Unavailable(f"this build of torch ({torch.__version__}) cannot use {request.device}")
    torch.set_num_threads(request.threads)
    if torch.get_num_interop_threads() != 1:
        torch.set_num_interop_threads(1)
    tf32 = request.options.get("allow_tf32", False)  # torch's own default is on for convolutions, off for matmul
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = request.options.get("cudnn_benchmark", False)
    if request.device != "cpu":
        torch.cuda.set_device(request.device)  # the current stream is this device's from here on
    exporter = exporters.get(request.exporter)
    if exporter.reopen:
        return TorchSession(None, exporter.reopen(request.artifact, request), request)
    module = _saved.open_saved(request.artifact).to(request.device)
    check_devices(module, request.device)
    if request.options.get("float64", False):
        module = module._apply(_widened)
        torch.set_default_dtype(torch.float64)  # of what forward makes itself
        torch.use_deterministic_algorithms(True, warn_only=True)
    called = exporter.prepare(module, request) if exporter.prepare else module
    return TorchSession(module, called, request)


def devices_of(module: Any) -> list[str]:
    """Where a module's parameters and buffers are."""
    return sorted({str(tensor.device) for tensor in (*module.parameters(), *module.buffers())})


def check_devices(module: Any, device: str) -> None:
    """Raises RuntimeError when parameters or buffers of the module are elsewhere than on `device`."""
    kind = device.partition(":")[0]
    elsewhere = [found for found in devices_of(module) if found.partition(":")[0] != kind]
    if elsewhere:
        raise RuntimeError(f"a part of the module is on {', '.join(elsewhere)}, the trial asks for {device}")


def _precision(on_cuda: bool) -> dict[str, str]:
    """In the words of `benchlib.precision`, read back from torch."""
    import torch

    kept = {"denormals": "kept", "gelu": "exact"}  # torch's own, which nothing here changes
    if not on_cuda:
        matmul = {"highest": "ieee", "high": "tf32", "medium": "bf16"}[torch.get_float32_matmul_precision()]
        return {"matmul": precision.of_onednn(matmul), "convolution": precision.of_onednn("ieee"), **kept}
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    return kept | {
        "matmul": precision.on_cuda(matmul.allow_tf32),
        "convolution": precision.on_cuda(cudnn.allow_tf32),
        "convolution_search": "exhaustive" if cudnn.benchmark else "heuristic",
        "fp16_reduction": "reduced" if matmul.allow_fp16_reduced_precision_reduction else "full",
        "bf16_reduction": "reduced" if matmul.allow_bf16_reduced_precision_reduction else "full",
    }


def _widened(tensor: Any) -> Any:
    """Floating numbers as float64, complex ones as complex128."""
    if tensor.is_complex():
        return tensor.cdouble()
    return tensor.double() if tensor.is_floating_point() else tensor


def refuse(trial: Any) -> str | None:
    artifact = exporters.get(trial.exporter).artifact
    if trial.runtime_args.get("float64") and artifact != "module":
        return f"float64 widens a module; what {trial.exporter} leaves computes in the dtype that it was exported with"
    return None


def lacks(trial: Any) -> str | None:
    return _cuda.missing(trial.device)


runtime = Runtime(
    name="torch",
    summary="PyTorch",
    opens=("module", "exported_program", "torchscript", "aoti"),
    open=open,
    packages=("torch",),
    usual=True,
    providers={"CPU": "cpu", "CUDA": "cuda"},
    options={
        "allow_tf32": Option(bool, False, "TensorFloat-32 in matrix products and convolutions on CUDA"),
        "cudnn_benchmark": Option(bool, False, "let cuDNN try its algorithms at the first calls"),
        "float64": Option(bool, False, "weights and inputs widened to float64: how the ground truth is computed"),
    },
    io=("host", "device"),
    cuda_graphs=True,
    profiles=True,
    exact={"float64": True},
    refuse=refuse,
    lacks=lacks,
)
