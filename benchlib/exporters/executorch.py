"""ExecuTorch: a `.pte` lowered to XNNPACK, for the CPU, run by the runtime of the same name."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from benchlib.exporters import ExportRequest, _flat, _torch_export
from benchlib.registry import Exporter, Facts, Option

LARGEST = 64  # memory is planned for it: a bound is needed, and a wide one costs memory at run time


def export(request: ExportRequest, strict: bool = True) -> Facts:
    """Exports the wrapper and lowers it into `<path>.pte`; what XNNPACK does not take stays with portable kernels."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    largest = request.options.get("largest", LARGEST)
    exported = _torch_export.program(_flat.flat(request.model), request.axes, strict, largest)
    partitioner = [XnnpackPartitioner()] if request.options.get("xnnpack", True) else []
    lowered = to_edge_transform_and_lower(exported, partitioner=partitioner)
    file = request.path.with_name(f"{request.path.name}.pte")
    with file.open("wb") as stream:
        lowered.to_executorch().write_to_file(stream)
    return {"file": str(file), "artifact_size": file.stat().st_size}


def refuse(trial: Any) -> str | None:
    if trial.device != "cpu":
        return "executorch's wheels for Linux run on the CPU (XNNPACK) only"
    largest = trial.exporter_args.get("largest", LARGEST)
    if trial.dynamic and trial.batch_size != "recorded" and trial.batch_size > largest:
        return f"executorch plans memory for batches up to {largest} (largest), the trial asks for {trial.batch_size}"
    return None


exporter = Exporter(
    name="executorch",
    summary="ExecuTorch with XNNPACK",
    artifact="pte",
    runtime="executorch",
    packages=("torch", "executorch"),
    options={
        "xnnpack": Option(bool, True, "lower what XNNPACK can run to it; false: portable kernels alone"),
        "largest": Option(int, LARGEST, "the largest size of a free axis with dynamic: memory is planned for it"),
    },
    export=export,
    refuse=refuse,
)
variants = {
    "nostrict": replace(
        exporter,
        name="executorch-nostrict",
        summary="ExecuTorch with XNNPACK, not strict",
        export=partial(export, strict=False),
    )
}
