"""`torch.onnx.export` as the exporters that are built on it call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchlib.exporters._flat import Flat


def write(flat: Flat, path: Path, target_opset: int | None, **options: Any) -> Path:
    """Writes `<path>.onnx` and returns its path; `options` are further keywords of `torch.onnx.export`.

    A failure begins with what went wrong: torch's own first line is the same for all."""
    import torch

    file = path.with_name(f"{path.name}.onnx")
    try:
        with torch.no_grad():
            torch.onnx.export(
                flat.module,
                flat.args,
                str(file),
                verbose=False,
                input_names=flat.input_names,
                output_names=flat.output_names,
                opset_version=target_opset,
                **options,
            )
    except torch.onnx.OnnxExporterError as failure:
        if failure.__cause__ is not None:
            failure.args = (f"{type(failure.__cause__).__name__}: {failure.__cause__}\n\n{failure}",)
        raise
    return file
