"""What is known of the things that a trial makes: the saved model, the artifact, the open session.

A worker answers with them, the cache keeps them beside the files, the record quotes them. Plug-ins say what they know
as a mapping (`facts`); here it is parted into what the library reads itself, what is a declared metric, and what only
the record's reader may want to see (`details`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib.record.metrics import Metrics, is_declared
from benchlib.registry import Facts

FreeAxes = dict[str, dict[int, str]]  # flat name of an input -> axis -> the size that it follows: batch, seq_length


@dataclass(frozen=True)
class InputSet:
    """A set of inputs beside the recorded one (`benchlib.models._input_sets`)."""

    hash: str  # of its bytes
    origin: (
        str  # given; drawn (as the recorded one was, from another seed); permuted or moved (out of the recorded one)
    )
    moves: list[str] = field(default_factory=list)  # flat names of the inputs whose bytes are not the recorded ones
    words: str = ""  # how they were moved
    beyond: list[str] = field(default_factory=list)  # of `moves`, those with numbers outside the recorded range


@dataclass
class SavedModel:
    """A loaded model as it lies in the cache: model.pt, inputs.npz, inputs-1.npz …, and this, as meta.json."""

    positional: tuple[str, ...]  # inputs that forward takes by position, the others by keyword
    axes: FreeAxes  # which dimensions follow the trial's sizes
    input_sets: dict[int, InputSet]  # by number, from 1 on; 0 is the recorded one
    input_hash: str
    weights_hash: str | None = None  # None: the source gives a ready file
    calibration: list[str] = field(default_factory=list)  # hashes of the sets to calibrate on, which are none of those
    fixed_numbers: list[str] = field(default_factory=list)  # numbers that have one value in all sets
    expected: dict[int, str] = field(default_factory=dict)  # number of a set -> hash of the outputs given for it
    file: Path | None = None  # a ready file, relative to the folder or wherever it lies
    import_paths: list[str] = field(default_factory=list)  # where its helper modules are
    metrics: Metrics = field(default_factory=Metrics)  # of the model: params_size, flops, time_load, …
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> str:
        """What the model is for, where its source says; else ""."""
        return self.metrics.get("model_task") or ""


@dataclass
class PassStep:
    """What a pass did to the graph. Sizes in bytes."""

    name: str
    seconds: float
    size_before: int
    size_after: int
    nodes_before: int
    nodes_after: int
    operators_before: dict[str, int]
    operators_after: dict[str, int]
    without: list[str] = field(default_factory=list)  # rules taken out
    options: dict[str, Any] = field(default_factory=dict)  # those that were given
    details: dict[str, Any] = field(default_factory=dict)  # what the pass says itself


@dataclass
class BuildStage:
    """One stage on the way to an artifact, for `cache stats`; its log lies beside the file."""

    name: str
    kind: str  # export or pass
    seconds: float
    log: str
    onnx_filesize: int | None = None
    onnx_n_nodes: int | None = None
    onnx_opset: int | None = None


@dataclass
class Artifact:
    """What an exporter and its passes left: a file and how it was made."""

    file: Path  # relative to the entry of the cache, or wherever a ready file lies
    time_export: float | None = None  # seconds; None: a compiler works at the first call
    operators: dict[str, int] | None = None  # operator -> nodes; None: no graph
    exported_at: dict[str, int] = field(default_factory=dict)  # free dimension -> its size in the example inputs
    passes: list[PassStep] = field(default_factory=list)
    stages: list[BuildStage] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)  # of the graph: onnx_filesize, onnx_n_nodes, decisions, …
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def time_passes(self) -> float:
        """Seconds of all passes."""
        return sum(step.seconds for step in self.passes)


@dataclass
class Session:
    """An artifact opened by a runtime, as the worker that holds it says. Times in seconds."""

    providers: str = ""  # where it runs, observed
    threads: int | None = None  # the runtime's own setting, read back
    interop_threads: int | None = None
    input_hash: str = ""  # of the bytes that it is bound to
    weights_hash: str | None = None  # None: the runtime cannot tell
    devices: list[str] = field(default_factory=list)  # where parameters and buffers lie
    precision: dict[str, str] = field(default_factory=dict)  # kind of work -> how it is done (benchlib.precision)
    input_names: list[str] | None = None  # of the graph
    nodes_by_provider: dict[str, int] | None = None
    node_share: float | None = None  # nodes on the provider ÷ all nodes
    time_import: float = 0.0
    time_import_shared: float = 0.0  # seconds of time_import that a warm server spent, once for all its workers
    time_session: float = 0.0
    executable: str = ""
    compile_cache: str | None = None  # cold, warm; None: nothing compiled
    details: dict[str, Any] = field(default_factory=dict)  # what the runtime says besides: its properties, its arena


def session_of(facts: Facts, **measured: Any) -> Session:
    """A session from what its runtime says of it and what the worker `measured` itself, by names of `Session`."""
    own = {name: value for name, value in facts.items() if name in _SESSION}
    return Session(**{**measured, **own}, details={n: v for n, v in facts.items() if n not in _SESSION})


def part_facts(facts: Facts) -> tuple[Metrics, dict[str, Any]]:
    """What a plug-in says, parted into declared metrics and all else."""
    metrics = Metrics({name: value for name, value in facts.items() if is_declared(name)})
    return metrics, {name: value for name, value in facts.items() if name not in metrics}


_SESSION = frozenset(Session.__dataclass_fields__) - {"details"}
