"""A graph through onnxruntime's optimisers, on the CPU, to a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchlib.runtimes import _onnx_versions

BASIC = "basic"


def optimize(source: Path, target: Path, level: str = BASIC, without: Iterable[str] = ()) -> None:
    """Writes `target`, its weights in `<name>.data` beside it; `without` are onnxruntime's names of optimisers."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # that a file of level `all` belongs to this machine is known
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_ENABLE_{level.upper()}")
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", f"{target.name}.data")
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    _onnx_versions.opened(str(source), options, [("CPUExecutionProvider", {})], disabled_optimizers=set(without))
