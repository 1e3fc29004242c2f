"""`torch.onnx.export` as the exporters that are built on it call it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchlib.errors import UserError
from benchlib.exporters._flat import Flat

# torch's words for an operator of which it has no form for complex numbers; its exporter by tracing knows no such type.
_NO_FORM = re.compile(r"No ONNX function found for <OpOverload\(op='([\w.:]+)'.*?complex-valued", re.DOTALL)
_NO_TYPE = re.compile(r"\bComplex(Float|Double|Half)\b|\bcomplex(32|64|128)\b")


class NoComplexNumbers(UserError):
    """A model computes with complex numbers, and an exporter of torch's has no operators of ONNX for that."""


def write(flat: Flat, path: Path, target_opset: int | None, **options: Any) -> Path:
    """Writes `<path>.onnx` and returns its path; `options` are further keywords of `torch.onnx.export`.

    A failure begins with what went wrong: torch's own first line is the same for all. Raises NoComplexNumbers where
    complex numbers are the reason."""
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
    except Exception as failure:
        if reason := _without_complex(failure, flat, options["dynamo"]):
            raise NoComplexNumbers(reason) from failure
        if isinstance(failure, torch.onnx.OnnxExporterError) and failure.__cause__ is not None:
            failure.args = (f"{type(failure.__cause__).__name__}: {failure.__cause__}\n\n{failure}",)
        raise
    return file


def _without_complex(failure: BaseException | None, flat: Flat, dynamo: bool) -> str:
    """What a failure says of complex numbers, in a line; "" where they are not the reason."""
    taken = [name for name, leaf in zip(flat.input_names, flat.args, strict=True) if leaf.is_complex()]
    if taken and not dynamo:
        return f"torch's exporter by tracing knows no complex numbers (input {', '.join(taken)})"
    while failure is not None:
        if dynamo and (found := _NO_FORM.search(str(failure))):
            return f"torch's exporter has no ONNX function for {found[1]} of complex numbers"
        if not dynamo and (found := _NO_TYPE.search(str(failure).partition("\n")[0])):
            return f"torch's exporter by tracing knows no complex numbers ({found[0]})"
        failure = failure.__cause__ or failure.__context__
    return ""
