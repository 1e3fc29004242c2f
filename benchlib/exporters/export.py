"""`torch.export`: an ExportedProgram in a `.pt2`, run by torch as the module that it describes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from benchlib.exporters import ExportRequest, _flat, _torch_export
from benchlib.registry import Exporter, Facts
from benchlib.runtimes import OpenRequest


def export(request: ExportRequest, strict: bool = True, decompose: str = "") -> Facts:
    """Writes `<path>.pt2`. `decompose`: into the core operators of ATen (`core`), or by all that torch has (`all`)."""
    import torch

    flat = _flat.flat(request.model)
    exported = _torch_export.program(flat, request.axes, strict)
    if decompose:
        table = torch.export.default_decompositions()
        if decompose == "all":
            table.update(torch._decomp.decomposition_table)
        with torch.no_grad():
            exported = exported.run_decompositions(table)
    file = request.path.with_name(f"{request.path.name}.pt2")
    torch.export.save(exported, file)
    return {"file": str(file), "artifact_size": file.stat().st_size}


def reopen(file: str, request: OpenRequest) -> Any:
    """The program's module on the request's device; it checks the shapes of its inputs at each call, as torch does."""
    import torch

    exported = torch.export.load(file)
    if request.device != "cpu":
        from torch.export.passes import move_to_device_pass

        exported = move_to_device_pass(exported, request.device)
    return exported.module()


exporter = Exporter(
    name="export",
    summary="torch.export, strict (through dynamo)",
    artifact="exported_program",
    runtime="torch",
    packages=("torch",),
    export=export,
    reopen=reopen,
)
variants = {
    "nostrict": replace(
        exporter, name="export-nostrict", summary="torch.export, not strict", export=partial(export, strict=False)
    ),
    "dec": replace(
        exporter,
        name="export-dec",
        summary="torch.export, decomposed into core ATen",
        export=partial(export, decompose="core"),
    ),
    "decall": replace(
        exporter,
        name="export-decall",
        summary="torch.export, with all of torch's decompositions",
        export=partial(export, decompose="all"),
    ),
}
