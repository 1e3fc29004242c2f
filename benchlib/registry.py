"""What a plug-in declares of itself: a source of models, an exporter, a pass or a runtime.

A plug-in is one file in `benchlib/models`, `exporters`, `passes` or `runtimes`, named as the plug-in is
called, or an object in another package announced by an entry point in the group `benchlib.suites`,
`benchlib.exporters`, `benchlib.passes` or `benchlib.runtimes`. It declares its options and refusals as
data and imports heavy packages only inside its functions, so that plans and reports can ask it
questions without loading torch.

`benchlib.registries` finds them. Standard library alone: workers read this in whatever environment they run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Required, TypedDict

from benchlib.option import Option

# What a source may read to size a model's inputs, or a graph network; a source declares which (`Source.shapes`).
SIZES = (
    "seq_length", "max_audio_seq_length", "height", "width", "num_channels",
    "k", "alpha", "in_channels", "out_channels", "num_layers",
)  # fmt: skip
# A trial's parameters by name (`benchlib.trial.Trial` says which, with their types), or those of them that decide.
Parameters = Mapping[str, Any]
# The options of a plug-in by the names that it declares (`Option`); what the plug-in gets has every default filled in.
Options = Mapping[str, Any]
# What is said of a thing by whoever made or loaded it, by name, in values that JSON knows: what the library reads
# itself (`file` and `operators` of an exporter, `providers` and `threads` of a session, …), declared metrics
# (`benchlib.record.metrics`), and anything else that the reader of a record may want to see.
Facts = dict[str, Any]
Refusal = Callable[[Any], str | None]  # a trial's parameters -> the rule that forbids it, or None


def never(_trial: Any) -> None:
    """The refusal of a plug-in that takes every trial, and what is lacking of one that lacks nothing."""


class CatalogueRow(TypedDict, total=False):
    """What a suite's catalogue says of one of its models, as far as it is known: a plain mapping with these keys."""

    name: Required[str]
    task: str
    batch_size: int  # as recorded by the suite
    seq_length: int | None  # as recorded by the suite; None: its models of this task have none
    alias_of: str  # the name under which the model lives on
    packages: tuple[str, ...]  # that this model needs beside the source's
    needs: str  # in words: what it takes that is not to be had here, so that it is skipped
    labels: Mapping[str, list[str]]  # key -> values
    summary: str


@dataclass(frozen=True)
class Source:
    """Where models come from: a suite with names (`timm/resnet18`) or a kind of file or address.

    `load(name, trial)` runs in a worker and returns a `benchlib.models.LoadedModel`; `identity(name, trial)`
    runs in the driver and returns a JSON value that changes when the model does. A source without
    `catalogue` is no suite: nothing of it can be listed or selected.

    A catalogue is data: the driver asks for it, so it imports nothing heavy. Names beyond it, `more`, may be many and
    take the package, so they are asked for in a process of its own and cached per version of the packages.
    """

    name: str
    summary: str
    load: Callable[[str, Any], Any]
    identity: Callable[[str, Any], Any] = lambda name, trial: name
    changed: Refusal = never  # that the model of a planned trial is another one by now, asked before it is loaded
    packages: tuple[str, ...] = ()
    catalogue: Callable[[], list[CatalogueRow]] | None = None
    more: Callable[[], list[str]] | None = None  # names that load() takes beside those of the catalogue
    tags: Callable[[], list[str]] | None = None  # its names with a tag, which it takes too: `resnet18.a1_in1k`
    shapes: Mapping[str, float | None] = field(default_factory=dict)  # the sizes (`SIZES`) that it
    # reads, with defaults (None: the model's own, or for text the longest of the batch)
    options: Mapping[str, Option] | None = None  # of model_args; None: any, they go to the model's own config
    # The folders from which code of a saved model is imported again, so that it is another one in another folder.
    imports_from: Callable[[Any], Sequence[str]] = lambda trial: ()
    refuse: Refusal = never
    own_dtype: Callable[[str, Any], str] | None = (
        None  # (name, trial) -> the dtype that its objects have; None: float32
    )
    called: Callable[[str, Any], str] | None = None  # (name, trial) -> how tables call it; None: by its last part
    lacks: Refusal = never  # what this machine lacks for a model of it, or None
    gives: str = "module"  # what load() returns: "module" (a torch.nn.Module), "onnx" (a ready file) or "": unknown
    exporter: str = "onnx_dynamo"  # of a trial that names none
    judge: Parameters = field(default_factory=lambda: {"exporter": "eager"})  # the way that is right
    judged_by: str = "eager"  # the same in words, for the report


@dataclass(frozen=True)
class Exporter:
    """A way from a model to an artifact.

    `export(request)` takes a `benchlib.exporters.ExportRequest`, runs in the builder worker and returns facts for the
    record, among them `file`, what it wrote. What torch itself runs of that, `reopen(file, request)` opens again: it
    takes the file and the `OpenRequest` and returns a callable on the flat tensors of the inputs. A trial's
    `exporter_args` are the `options` of the one request, and the `exporter_args` of the other.

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
    export: Callable[..., Facts] | None = None
    prepare: Callable[..., Any] | None = None
    reopen: Callable[..., Any] | None = None
    dynamic: bool = True  # can leave shapes free
    traces: bool = False  # runs the module's Python once: what that decides on values is a constant of the graph
    own_patterns: bool = False  # takes `opt_patterns` itself, unchanged
    contrib: bool = False  # leaves operators of onnxruntime's own (com.microsoft)
    usual: bool = False  # `choose` tries it without being asked to
    compiles: bool = False  # compiles at the first call, into the trial's own cache
    compiles_anew: Callable[[Options], bool] = lambda options: False  # … which does not help the next process
    refuse: Refusal = never
    lacks: Callable[[Any], str | None] = never  # what this machine lacks for it, or None


@dataclass(frozen=True)
class Pass:
    """A step over an exported graph. `apply(request)` takes a `benchlib.passes.PassRequest`, runs in the builder
    worker, writes the new graph and returns facts for the record."""

    name: str
    summary: str
    apply: Callable[..., Facts]
    packages: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)  # of pass_args[name]
    exporters: tuple[str, ...] = ()  # the only ones after which it makes sense; empty: all that leave ONNX
    patterns: bool = False  # rules can be taken out by name: `family-Pattern`
    computes: str = ""  # what the graph computes in afterwards: float16, bfloat16, int8, int4; empty: as before
    contrib: Callable[[Options], bool] = lambda options: False  # leaves operators of onnxruntime's own
    needs_inputs: bool = False  # calibrates on sets of the model's inputs that are not compared
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
    exact: Options = field(default_factory=dict)  # options with which it computes in float64 on the CPU
    contrib: bool = False  # runs the operators of onnxruntime's own (com.microsoft)
    usual: bool = False  # `choose` tries it without being asked to
    refuse: Refusal = never
    lacks: Callable[[Any], str | None] = never
