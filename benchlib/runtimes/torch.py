"""torch itself: the saved module, as it is or compiled when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any

from benchlib import tensors
from benchlib.errors import Unavailable
from benchlib.models import _saved
from benchlib.models import call as call_module
from benchlib.models._facts import weights_hash
from benchlib.registry import Option, Runtime, exporters
from benchlib.runtimes import OpenRequest, _cuda


class TorchSession:
    """A module on its device, as torch runs it."""

    def __init__(self, module: Any, called: Any, request: OpenRequest):
        self.module = module  # with its weights; `called` may be a compiled face of it
        self.called = called
        self.positional = request.positional
        self.device = request.device
        self.float64 = request.options.get("float64", False)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Asked of torch and of the module when first read, so that hashing is no part of opening."""
        import torch

        found = {
            "providers": "CPU" if self.device == "cpu" else "CUDA",
            "threads": torch.get_num_threads(),
            "interop_threads": torch.get_num_interop_threads(),
            "weights_hash": weights_hash(self.module),
            "devices": sorted({str(t.device) for t in (*self.module.parameters(), *self.module.buffers())}),
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
        }
        if self.device != "cpu":
            found["cudnn_allow_tf32"] = torch.backends.cudnn.allow_tf32
            found["cudnn_benchmark"] = torch.backends.cudnn.benchmark
        return found

    def bind(self, inputs: dict[str, Any], flat: dict[str, Any]) -> Callable[[], Any]:
        """On the CPU a forward; on CUDA it copies the inputs there and the outputs back, which waits."""
        import torch

        host = tensors.apply(tensors.to_torch, inputs)
        host = mapped(_widened, host) if self.float64 else host
        module, positional, device = self.called, self.positional, self.device

        @torch.inference_mode()
        def forward() -> Any:
            return call_module(module, host, positional)

        @torch.inference_mode()
        def copied() -> Any:
            there = mapped(lambda t: t.to(device), host)
            return mapped(lambda t: t.cpu(), call_module(module, there, positional))

        return forward if device == "cpu" else copied


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
    module = _saved.open_saved(request.artifact).to(request.device)
    if request.options.get("float64", False):
        module = module._apply(_widened)
        torch.set_default_dtype(torch.float64)  # of what forward makes itself
        torch.use_deterministic_algorithms(True, warn_only=True)
    prepare = exporters.get(request.exporter).prepare
    called = prepare(module, request.exporter_args) if prepare else module
    return TorchSession(module, called, request)


def mapped(function: Callable[[Any], Any], nested: Any) -> Any:
    """`function` on every tensor of any nesting; all else stays as it is."""
    if hasattr(nested, "detach"):
        return function(nested)
    if isinstance(nested, Mapping):
        return {key: mapped(function, value) for key, value in nested.items()}
    if is_dataclass(nested) and not isinstance(nested, type):
        return {f.name: mapped(function, getattr(nested, f.name)) for f in fields(nested)}
    if isinstance(nested, tuple | list):
        items = [mapped(function, value) for value in nested]
        return tuple(items) if isinstance(nested, tuple) else items
    return nested


def _widened(tensor: Any) -> Any:
    """Floating numbers as float64, complex ones as complex128."""
    if tensor.is_complex():
        return tensor.cdouble()
    return tensor.double() if tensor.is_floating_point() else tensor


def lacks(trial: Any) -> str | None:
    return _cuda.missing(trial.device)


runtime = Runtime(
    name="torch",
    summary="PyTorch",
    opens=("module",),
    open=open,
    packages=("torch",),
    providers={"CPU": "cpu", "CUDA": "cuda"},
    options={
        "allow_tf32": Option(bool, False, "TensorFloat-32 in matrix products and convolutions on CUDA"),
        "cudnn_benchmark": Option(bool, False, "let cuDNN try its algorithms at the first calls"),
        "float64": Option(bool, False, "weights and inputs widened to float64: how the judge of accuracy computes"),
    },
    exact={"float64": True},
    lacks=lacks,
)
