"""How a model is run: exporter and runtime with their options."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchlib.registry import exporters

WAY = ("exporter", "exporter_args", "target_opset", "runtime", "provider", "rtopt", "runtime_args", "cuda_graphs")


@dataclass(frozen=True)
class Way:
    """How a model is run: exporter and runtime, with their options."""

    exporter: str
    runtime: str
    provider: str
    rtopt: str = "all"
    target_opset: int | None = None
    exporter_args: Mapping[str, Any] = field(default_factory=dict)
    runtime_args: Mapping[str, Any] = field(default_factory=dict)
    cuda_graphs: bool = False

    @property
    def label(self) -> str:
        """`script`, `script rtopt=off`, `onnx_dynamo CUDA`: what differs from the exporter's default way."""
        words = [self.exporter]
        if self.runtime != exporters.get(self.exporter).runtime:
            words.append(self.runtime)
        if self.rtopt != "all":
            words.append(f"rtopt={self.rtopt}")
        if self.target_opset is not None:
            words.append(f"opset={self.target_opset}")
        words += [f"{k}={_short(v)}" for k, v in (*self.exporter_args.items(), *self.runtime_args.items())]
        if self.cuda_graphs:
            words.append("cuda_graphs")
        return " ".join(words)


def canonical(value: Any) -> str:
    """JSON with sorted keys: equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def _short(value: Any) -> str:
    return (
        str(value)
        if isinstance(value, str | int | float)
        else hashlib.sha256(canonical(value).encode()).hexdigest()[:6]
    )
