"""What a plug-in declares of itself: a source of models, an exporter, a pass or a runtime.

A plug-in is one file in `benchlib/models`, `exporters`, `passes` or `runtimes`, named as the plug-in is
called, or an object in another package announced by an entry point in the group `benchlib.suites`,
`benchlib.exporters`, `benchlib.passes` or `benchlib.runtimes`. It declares its options and refusals as
data and imports heavy packages only inside its functions, so that plans and reports can ask it
questions without loading torch.

`benchlib.registries` finds them. Standard library alone: workers read this in whatever environment they run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchlib.option import Option

# What a source may read to size a model's inputs, or a graph network; a source declares which (`Source.shapes`).
SIZES = (
    "seq_length", "max_audio_seq_length", "height", "width", "num_channels",
    "k", "alpha", "in_channels", "out_channels", "num_layers",
)  # fmt: skip
Refusal = Callable[[Any], str | None]  # a trial's parameters -> the rule that forbids it, or None


def never(_trial) -> None:
    """The refusal of a plug-in that takes every trial."""


@dataclass(frozen=True)
class Source:
    """Where models come from: a suite with names (`timm/resnet18`) or a kind of file or address.

    `load(name, trial)` runs in a worker and returns a `benchlib.models.LoadedModel`; `identity(name, trial)`
    runs in the driver and returns a JSON value that changes when the model does. A source without
    `catalogue` is no suite: nothing of it can be listed or selected.

    A catalogue is data: the driver asks for it, so it imports nothing heavy. Each of its rows is a mapping with
    `name` and, where they are known, `task`, `batch_size` and `seq_length` (as recorded by the suite), `alias_of` (the
    name under which the model lives on), `packages` (that this model needs beside the source's), `needs` (in words:
    what it takes that is not to be had here, so that it is skipped), `labels` ({key: [values]}) and `summary`. Names
    beyond it, `more`, may be many and take the package, so they are asked for in a process of its own and cached per
    version of the packages.
    """

    name: str
    summary: str
    load: Callable[[str, Any], Any]
    identity: Callable[[str, Any], Any] = lambda name, trial: name
    packages: tuple[str, ...] = ()
    catalogue: Callable[[], list[dict]] | None = None
    more: Callable[[], list[str]] | None = None  # names that load() takes beside those of the catalogue
    tagged: bool = False  # it takes each of its names with a tag too, which only load() knows: `resnet18.a1_in1k`
    shapes: Mapping[str, float | None] = field(default_factory=dict)  # the sizes (`SIZES`) that it
    # reads, with defaults (None: the model's own, or for text the longest of the batch)
    options: Mapping[str, Option] | None = None  # of model_args; None: any, they go to the model's own config
    refuse: Refusal = never
    called: Callable[[str, Any], str] | None = None  # (name, trial) -> how tables call it; None: by its last part
    gives: str = "module"  # what load() returns: "module" (a torch.nn.Module) or "onnx" (a ready file)
    judge: Mapping[str, Any] = field(default_factory=lambda: {"exporter": "eager"})  # the way that is right
    judged_by: str = "eager"  # the same in words, for the report


@dataclass(frozen=True)
class Exporter:
    """A way from a model to an artifact.

    `export(request)` takes a `benchlib.exporters.ExportRequest`, runs in the builder worker and returns facts for the
    record, among them `file`, what it wrote. What torch itself runs of that, `reopen(file, request)` opens again: it
    takes the file and the `OpenRequest` and returns a callable on the flat tensors of the inputs.

    An exporter that leaves no file of its own (eager, compilers that work when the model is opened) has
    `export=None`: its artifact is the saved model itself, and `prepare(module, request)` turns the opened module
    into what is called.
    """

    name: str
    summary: str
    takes: str = "module"  # the kind of source it starts from: "module" or "onnx"
    artifact: str = "onnx"  # what it leaves: "module", "onnx", "exported_program", …; runtimes say which they open
    runtime: str = "onnxruntime"  # the runtime when none is asked for
    packages: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    export: Callable[..., dict] | None = None
    prepare: Callable[..., Any] | None = None
    reopen: Callable[..., Any] | None = None
    dynamic: bool = True  # can leave shapes free
    own_patterns: bool = False  # takes `opt_patterns` itself, unchanged
    contrib: bool = False  # leaves operators of onnxruntime's own (com.microsoft)
    compiles: bool = False  # compiles at the first call, into the trial's own cache
    compiles_anew: Callable[[Mapping[str, Any]], bool] = lambda options: False  # … which does not help the next process
    refuse: Refusal = never
    lacks: Callable[[Any], str | None] = never  # what this machine lacks for it, or None


@dataclass(frozen=True)
class Pass:
    """A step over an exported graph. `apply(request)` takes a `benchlib.passes.PassRequest`, runs in the builder
    worker, writes the new graph and returns facts for the record."""

    name: str
    summary: str
    apply: Callable[..., dict]
    packages: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)  # of pass_args[name]
    exporters: tuple[str, ...] = ()  # the only ones after which it makes sense; empty: all that leave ONNX
    patterns: bool = False  # rules can be taken out by name: `family-Pattern`
    computes: str = ""  # what the graph computes in afterwards: float16, bfloat16, int8, int4; empty: as before
    contrib: Callable[[Mapping[str, Any]], bool] = lambda options: False  # leaves operators of onnxruntime's own
    needs_inputs: bool = False  # calibrates on the model's own inputs
    refuse: Refusal = never
    lacks: Callable[[Any], str | None] = never


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
    contrib: bool = False  # runs the operators of onnxruntime's own (com.microsoft)
    refuse: Refusal = never
    lacks: Callable[[Any], str | None] = never
