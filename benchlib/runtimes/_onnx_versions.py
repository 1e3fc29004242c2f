"""A file that is too new or too old for a runtime, in one line."""

from __future__ import annotations

import re
from typing import Any

from benchlib.errors import Refused

# What onnxruntime says -> what it means; `{0}` is its version, the others are the groups.
SAID = (
    (r"Unsupported model IR version: (\d+), max supported IR version: (\d+)",
     "onnxruntime {0} reads IR versions up to {2}; the file has {1}"),
    (r"Opset (\d+) is under development.*?for domain (\S+) is till opset (\d+)",
     "onnxruntime {0} knows the operator set {2} up to version {3}; the file has {1}"),
    (r"Could not find an implementation for (\w+)\((\d+)\)",
     "onnxruntime {0} does not run {1} of version {2} of the operator set, which the file asks for"),
    (r"Fatal error: (\S+?):(\w+)\(-?\d+\) is not a registered function/op",
     "onnxruntime {0} has no operator {2} of the domain {1}, which the file asks for"),
    (r"Failed to construct locale with name:(\S+?):",
     "onnxruntime {0} needs the locale {1} for this file, which this machine does not have"),
)  # fmt: skip


def refused(error: Exception) -> Refused | None:
    """What an error of onnxruntime's says of the versions of a file; None where it is about something else."""
    import onnxruntime

    for pattern, meaning in SAID:
        if found := re.search(pattern, str(error), re.DOTALL):
            return Refused(meaning.format(onnxruntime.__version__, *found.groups()))
    return None


def check_onnx(opsets: dict[str, int]) -> None:
    """Raises Refused for operator sets that are newer than onnx's own: it would take others for them."""
    import onnx

    for domain, version in opsets.items():
        known = onnx.defs.onnx_opset_version() if domain in ("", "ai.onnx") else version
        if version > known:
            raise Refused(
                f"onnx {onnx.__version__}'s reference evaluator knows the operator set up to version {known}; "
                f"the file has {version}"
            )


def loaded(make: Any, *args: Any, **options: Any) -> Any:
    """An onnxruntime session, or Refused in place of an error about versions."""
    try:
        return make(*args, **options)
    except Exception as error:
        if reason := refused(error):
            raise reason from error
        raise
