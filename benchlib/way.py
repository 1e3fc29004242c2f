"""How a model is run: exporter, passes and runtime with their options."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchlib.errors import UnknownName
from benchlib.registries import exporters, passes
from benchlib.registry import Options

WAY = (
    "exporter", "exporter_args", "target_opset", "dynamic", "opt_patterns", "pass_args",
    "runtime", "provider", "rtopt", "runtime_args", "cuda_graphs",
)  # fmt: skip


@dataclass(frozen=True)
class PassCall:
    """A pass as `opt_patterns` names it: `ort-GeluFusion` is the pass `ort` without its rule `GeluFusion`."""

    name: str
    without: tuple[str, ...] = ()


def passes_of(text: str) -> tuple[PassCall, ...]:
    """The passes of `default+ort-GeluFusion+fp16`. Raises UnknownName.

    Names of passes may have hyphens of their own (`int8-dynamic`): the longest name that is known counts, and what
    follows it are rules.
    """
    found = []
    for part in filter(None, text.split("+")):
        name = _name_in(part)
        if name is None:
            raise UnknownName("pass", part, passes.names())
        found.append(PassCall(name, tuple(filter(None, part[len(name) :].split("-")))))
    return tuple(found)


def _name_in(part: str) -> str | None:
    """`int8-dynamic` of `int8-dynamic-Gemm`; None where no pass is called so."""
    words = part.split("-")
    names = ("-".join(words[:n]) for n in range(len(words), 0, -1))
    return next((name for name in names if name in passes), None)


def _known(text: str) -> list[str]:
    return [name for part in text.split("+") if part and (name := _name_in(part))]


def computes(opt_patterns: str, dtype: str) -> str:
    """What a graph computes in after passes, when the model is of `dtype`; passes that are not known change nothing."""
    changed = [passes.get(name).computes for name in _known(opt_patterns)]
    return next(filter(None, reversed(changed)), dtype)


@dataclass(frozen=True)
class Way:
    """How a model is run: exporter, passes and runtime, with their options."""

    exporter: str
    runtime: str
    provider: str
    rtopt: str = "all"
    target_opset: int | None = None
    exporter_args: Options = field(default_factory=dict)
    runtime_args: Options = field(default_factory=dict)
    cuda_graphs: bool = False
    dynamic: bool = False
    opt_patterns: str = ""
    pass_args: Mapping[str, Options] = field(default_factory=dict)  # by the names of passes

    @property
    def passes(self) -> tuple[PassCall, ...]:
        """The passes over the exported graph, in order; none where the exporter takes the text itself."""
        return () if exporters.get(self.exporter).own_patterns else passes_of(self.opt_patterns)

    @property
    def contrib(self) -> bool:
        """Whether the graph holds operators of onnxruntime's own, of the exporter or after the passes."""
        return exporters.get(self.exporter).contrib or any(
            passes.get(p.name).contrib(self.options_of(p.name)) for p in self.passes
        )

    def options_of(self, name: str) -> Options:
        """The options of a pass, with every default filled in."""
        return {k: o.default for k, o in passes.get(name).options.items()} | dict(self.pass_args.get(name, {}))

    def computes(self, dtype: str) -> str:
        """What the way computes in when the model is of `dtype`: the dtype, or what a pass made of it."""
        return computes("" if exporters.get(self.exporter).own_patterns else self.opt_patterns, dtype)

    @property
    def label(self) -> str:
        """`script`, `script+ort rtopt=off`, `onnx_dynamo CUDA`: what differs from the exporter's default way."""
        words = [_base(self.exporter) + "".join(f"+{_base(part)}" for part in self.opt_patterns.split("+") if part)]
        if self.dynamic:
            words.append("dynamic")
        if self.runtime != exporters.get(self.exporter).runtime:
            words.append(_base(self.runtime))
        if self.rtopt != "all":
            words.append(f"rtopt={self.rtopt}")
        if self.target_opset is not None:
            words.append(f"opset={self.target_opset}")
        words += [f"{k}={_short(v)}" for k, v in (*self.exporter_args.items(), *self.runtime_args.items())]
        words += [f"{p}.{k}={_short(v)}" for p, options in self.pass_args.items() for k, v in options.items()]
        if self.cuda_graphs:
            words.append("cuda_graphs")
        return " ".join(words)


def canonical(value: Any) -> str:
    """JSON with sorted keys: equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def key_of(decided_by: Mapping[str, object]) -> str:
    """The key in the cache of what is decided by these values."""
    return hashlib.sha256(canonical(json.loads(json.dumps(decided_by, default=str))).encode()).hexdigest()


def _base(name: str) -> str:
    """`mine` of `path/to/file.py:mine`; other names as they are."""
    return name.rpartition(":")[2]


def _short(value: Any) -> str:
    return (
        str(value)
        if isinstance(value, str | int | float)
        else hashlib.sha256(canonical(value).encode()).hexdigest()[:6]
    )
