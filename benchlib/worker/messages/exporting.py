"""Exporting a model: the export, the passes, why it failed and what its trace keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib.record import Decision, SmallestFailure
from benchlib.record.metadata import Artifact, FreeAxes
from benchlib.record.metrics import Metrics
from benchlib.worker.messages.request import Request


@dataclass(frozen=True)
class ExportModel(Request[Artifact], verb="export"):
    """Exports the loaded model (opened from `model` when this worker did not load it) to `path`."""

    exporter: str
    model: Path  # the folder of the saved model
    path: Path  # of what is written, without a suffix
    exporter_args: dict[str, Any] = field(default_factory=dict)  # with every default filled in
    target_opset: int | None = None
    axes: FreeAxes = field(default_factory=dict)
    opt_patterns: str = ""


@dataclass(frozen=True)
class Explanation:
    """None: the model exports after all, or the failure comes from its free axes."""

    smallest: SmallestFailure | None = None


@dataclass(frozen=True)
class ExplainFailure(Request[Explanation], verb="explain_failure"):
    """Looks, for `seconds` at most, for the smallest submodule whose export fails as `export` did."""

    export: ExportModel
    seconds: float


@dataclass(frozen=True)
class TraceReport:
    """What the trace of a model keeps as constants, and what became of each."""

    decisions: list[Decision] = field(default_factory=list)  # a place each, those about values first
    unused: list[str] = field(default_factory=list)  # flat names of inputs that the module itself asks nothing of
    random: str = ""  # where two traces of the recorded inputs differ
    failed: str = ""  # why the model cannot be traced
    unfinished: bool = False  # there was no time for all of it


@dataclass(frozen=True)
class ExamineTrace(Request[TraceReport], verb="examine_trace"):
    """Traces a saved model on several sets of inputs, and says what its Python decides on its tensors."""

    model: Path  # the folder of the saved model
    sets: dict[int, Path]  # that are compared, by number; 0 is the recorded one, and has to be there
    seconds: float  # within which further traces are begun


@dataclass(frozen=True)
class AppliedPass:
    """The new graph, and what the pass says itself."""

    seconds: float
    metrics: Metrics  # onnx_*
    operators: dict[str, int]
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ApplyPass(Request[AppliedPass], verb="apply_pass"):
    """Applies a pass to an exported graph."""

    name: str
    source: Path
    target: Path
    options: dict[str, Any]  # with every default filled in
    without: list[str]  # rules taken out
    inputs: list[Path]  # to calibrate on
    model_facts: dict[str, Any]  # what is known of the model: metrics and details together
    device: str
