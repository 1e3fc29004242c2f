"""AOTInductor: compiled by inductor once, in the builder, into a `.pt2` of machine code that torch runs."""

from __future__ import annotations

from typing import Any

from benchlib.exporters import ExportRequest, _flat, _torch_export, inductor
from benchlib.registry import Exporter, Facts, Option
from benchlib.runtimes import OpenRequest


def export(request: ExportRequest) -> Facts:
    """Exports the wrapper and compiles it for this machine's processor into `<path>.pt2`; needs a C++ compiler."""
    import torch

    exported = _torch_export.program(_flat.flat(request.model), request.axes)
    configs = {"max_autotune": True} if request.options.get("max_autotune", False) else None
    file = request.path.with_name(f"{request.path.name}.pt2")
    with torch.no_grad():
        torch._inductor.aoti_compile_and_package(exported, package_path=str(file), inductor_configs=configs)
    return {"file": str(file), "artifact_size": file.stat().st_size}


def reopen(file: str, request: OpenRequest) -> Any:
    """The compiled code, loaded: it is called on the flat tensors and gives a list."""
    import torch

    return torch._inductor.aoti_load_package(file)


def refuse(trial: Any) -> str | None:
    if trial.device != "cpu":
        return "aot_inductor compiles for the device that the model is exported on, which is the CPU here"
    return None


exporter = Exporter(
    name="aot_inductor",
    summary="torch.export compiled ahead by inductor",
    artifact="aoti",
    runtime="torch",
    packages=("torch", "torch._inductor"),
    options={"max_autotune": Option(bool, False, "let inductor try several kernels for each operator")},
    export=export,
    reopen=reopen,
    refuse=refuse,
    lacks=inductor.lacks,
)
