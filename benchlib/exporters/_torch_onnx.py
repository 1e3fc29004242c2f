"""`torch.onnx.export` as the exporters that are built on it call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchlib.exporters._flat import Flat


def write(flat: Flat, path: Path, target_opset: int | None, **options: Any) -> Path:
    """Writes `<path>.onnx` and returns its path; `options` are further keywords of `torch.onnx.export`."""
    import torch

    file = path.with_name(f"{path.name}.onnx")
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
    return file
