"""The four registries: sources of models, exporters, passes and runtimes.

A plug-in is one file in `benchlib/models`, `exporters`, `passes` or `runtimes`, named as the plug-in is
called, or an object in another package announced by an entry point in the group `benchlib.suites`,
`benchlib.exporters`, `benchlib.passes` or `benchlib.runtimes`. It declares its options and refusals as
data and imports heavy packages only inside its functions, so that plans and reports can ask it
questions without loading torch.

Standard library alone: workers read this in whatever environment they run.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from benchlib.errors import UnknownName, UserError

Refusal = Callable[[Any], str | None]  # a trial's parameters -> the rule that forbids it, or None


def never(_trial) -> None:
    """The refusal of a plug-in that takes every trial."""


@dataclass(frozen=True)
class Option:
    """An option of a plug-in, as it may stand in `exporter_args`, `runtime_args` or `model_args`."""

    type: type | tuple[type, ...]
    default: Any
    help: str
    choices: tuple = ()

    def problem(self, value: Any) -> str | None:
        """Why `value` does not fit, or None."""
        if isinstance(value, bool) and self.type in (int, float):
            return f"{value!r} is not {_type_name(self.type)}"
        if self.type is float and isinstance(value, int):
            return None
        if not isinstance(value, self.type):
            return f"{value!r} is not {_type_name(self.type)}"
        if self.choices and value not in self.choices:
            return f"{value!r} is none of {', '.join(map(str, self.choices))}"
        return None


@dataclass(frozen=True)
class Source:
    """Where models come from: a suite with names (`timm/resnet18`) or a kind of file or address.

    `load(name, trial)` runs in a worker and returns a `benchlib.models.LoadedModel`; `identity(name, trial)`
    runs in the driver and returns a JSON value that changes when the model does. A source without
    `catalogue` is no suite: nothing of it can be listed or selected. A catalogue may be long or need its
    package, so it is asked for in a process of its own and cached per version of the packages.
    """

    name: str
    summary: str
    load: Callable[[str, Any], Any]
    identity: Callable[[str, Any], Any] = lambda name, trial: name
    packages: tuple[str, ...] = ()
    catalogue: Callable[[], list[dict]] | None = None
    shapes: Mapping[str, int | None] = field(default_factory=dict)  # shape parameters it reads, with defaults
    # (None: the model's own, or for text the longest of the batch)
    options: Mapping[str, Option] | None = None  # of model_args; None: any, they go to the model's own config
    refuse: Refusal = never
    gives: str = "module"  # what load() returns: "module" (a torch.nn.Module) or "onnx" (a ready file)
    judge: Mapping[str, Any] = field(default_factory=lambda: {"exporter": "eager"})  # the way that is right
    judged_by: str = "eager"  # the same in words, for the report


@dataclass(frozen=True)
class Exporter:
    """A way from a model to an artifact.

    `export(model, path, options, target_opset)` runs in the builder worker. `path` has no suffix: the exporter
    adds its own and returns facts for the record, among them `file`, what it wrote. An exporter that leaves no
    file of its own (eager, compilers that work when the model is opened) has `export=None`: its artifact is the
    saved model itself, and `prepare(module, options)` turns the opened module into what is called.
    """

    name: str
    summary: str
    takes: str = "module"  # the kind of source it starts from: "module" or "onnx"
    artifact: str = "onnx"  # what it leaves: "module" or "onnx"; runtimes say which they open
    runtime: str = "onnxruntime"  # the runtime when none is asked for
    packages: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    export: Callable[..., dict] | None = None
    prepare: Callable[..., Any] | None = None
    compiles: bool = False  # compiles at the first call, into the trial's own cache
    compiles_anew: Callable[[Mapping[str, Any]], bool] = lambda options: False  # … which does not help the next process
    refuse: Refusal = never
    lacks: Callable[[Any], str | None] = never  # what this machine lacks for it, or None


@dataclass(frozen=True)
class Pass:
    """A step over an exported graph: `apply(path_in, path_out, options)` returns facts for the record."""

    name: str
    summary: str
    packages: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    apply: Callable[..., dict] | None = None
    refuse: Refusal = never


@dataclass(frozen=True)
class Runtime:
    """What executes an artifact. `open(request)` runs in a timing worker and returns a session."""

    name: str
    summary: str
    opens: tuple[str, ...]  # kinds of artifact
    open: Callable[..., Any]
    packages: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)  # provider -> device it runs on
    io: tuple[str, ...] = ("host",)  # where inputs and outputs may be: "host", "device"
    cuda_graphs: bool = False  # can replay a call as a CUDA graph
    profiles: bool = False  # has a profiler of its own
    exact: Mapping[str, Any] = field(default_factory=dict)  # options with which it computes in float64 on the CPU
    refuse: Refusal = never
    lacks: Callable[[Any], str | None] = never


P = TypeVar("P", Source, Exporter, Pass, Runtime)


class Registry(Generic[P]):
    """The plug-ins of one kind, by name; nothing is imported before it is asked for."""

    def __init__(self, kind: str, package: str, group: str):
        self.kind, self.package, self.group = kind, package, group

    @cached_property
    def _modules(self) -> dict[str, str]:
        path = importlib.import_module(self.package).__path__
        return {m.name: f"{self.package}.{m.name}" for m in pkgutil.iter_modules(path) if not m.name.startswith("_")}

    @cached_property
    def _entry_points(self) -> dict:
        return {e.name: e for e in entry_points(group=self.group)}

    def names(self) -> list[str]:
        return sorted({*self._modules, *self._entry_points})

    def __contains__(self, name: str) -> bool:
        return name in self._modules or name in self._entry_points

    def module_of(self, name: str) -> str:
        """The dotted name of the module that declares the plug-in."""
        self._check(name)
        return self._modules.get(name) or self._entry_points[name].module

    def get(self, name: str) -> P:
        """The plug-in called `name`. Raises UnknownName, or UserError when a foreign one cannot be loaded."""
        self._check(name)
        if name in self._modules:
            return getattr(importlib.import_module(self._modules[name]), self.kind)
        try:
            return self._entry_points[name].load()
        except Exception as error:
            raise UserError(
                f"{self.kind} '{name}' of {self._entry_points[name].value} does not load: {error}"
            ) from error

    def _check(self, name: str) -> None:
        if name not in self:
            raise UnknownName(self.kind, name, self.names())


def _type_name(kind: type | tuple[type, ...]) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    words = {
        int: "a whole number",
        float: "a number",
        str: "a text",
        bool: "true or false",
        list: "a list",
        dict: "a mapping",
    }
    return " or ".join(words.get(k, k.__name__) for k in kinds)


sources: Registry[Source] = Registry("source", "benchlib.models", "benchlib.suites")
exporters: Registry[Exporter] = Registry("exporter", "benchlib.exporters", "benchlib.exporters")
passes: Registry[Pass] = Registry("pass_", "benchlib.passes", "benchlib.passes")
runtimes: Registry[Runtime] = Registry("runtime", "benchlib.runtimes", "benchlib.runtimes")
