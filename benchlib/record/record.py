"""The record: what was asked of one trial, what was found, what came of it. This module and those that it takes the
record's parts from are its documentation.

A record is stored as JSON in the trial's executed notebook (`benchlib.record.scrap`), and read back by
`Record.from_json`; how earlier versions called its parts knows `benchlib.record.schema` alone. Times are in seconds,
sizes in bytes. Metrics are declared in `benchlib.record.metrics`. Fields that do not apply are not in the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchlib import typed_json
from benchlib.record.answers import Decision, OutputComparison
from benchlib.record.contenders import ContenderRecord, OperatorTime, ProcessStability
from benchlib.record.failures import ExportReport, Failure
from benchlib.record.metadata import PassStep
from benchlib.record.metrics import Metrics
from benchlib.record.resources import EnergyRecord, MemoryRecord
from benchlib.record.schema import SCHEMA, current

STATUSES = ("ok", "unverified", "inaccurate", "failed", "timeout", "crashed", "oom", "refused", "skipped")
STAGES = ("load", "export", "pass", "open", "run", "check", "measure", "record")
NOT_RUN = "not run"  # stands for the status of a planned trial that left no record


@dataclass
class StepTime:
    """One step of the notebook."""

    seconds: float
    outcome: str  # ok, a status, "not reached" or "not asked for"
    starting: float = 0.0  # seconds of them that starting workers took


@dataclass
class GraphSize:
    """The graph that was run."""

    nodes: int | None = None
    initializers: int | None = None
    opset: int | None = None
    size: int | None = None
    inputs: int | None = None
    outputs: int | None = None


@dataclass
class TrialFiles:
    """Where the very files of a trial are, for the proof of its row."""

    inputs: str = ""
    artifact: str = ""
    outputs: str = ""  # of the ground truth, for the recorded inputs


@dataclass
class Record:
    """One trial. What is known before anything runs comes first; trials that never ran have nothing else."""

    key: str  # a hash of what was asked: parameters, and the identity of the model
    name: str  # of its notebook, without suffix
    status: str  # one of STATUSES
    trial: dict[str, Any]  # every parameter
    metrics: Metrics = field(default_factory=Metrics)
    details: dict[str, Any] = field(default_factory=dict)  # what plug-ins say besides, of the model and the artifact
    stage: str = ""  # where it ended, for all but ok, refused and skipped
    reason: str = ""  # the rule that refused, what is missing, the message of the failure
    error: Failure | None = None
    reproduce: str = ""  # the command that repeats the trial
    steps: dict[str, StepTime] = field(default_factory=dict)
    contenders: list[ContenderRecord] = field(default_factory=list)
    outputs: list[OutputComparison] = field(default_factory=list)  # of the trial's own way
    decisions: list[Decision] = field(default_factory=list)  # of a way that traces
    # reference, own -> phase -> seconds, one per process; of load and export the single one
    phases: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    stability: list[ProcessStability] = field(default_factory=list)
    profile: list[OperatorTime] = field(default_factory=list)
    passes: list[PassStep] = field(default_factory=list)  # in order
    operators: dict[str, int] = field(default_factory=dict)  # operator -> nodes, with a domain that is not ONNX's own
    graph: GraphSize | None = None
    export_report: ExportReport | None = None
    files: TrialFiles = field(default_factory=TrialFiles)
    fingerprint: dict[str, dict[str, Any]] = field(default_factory=dict)  # part -> name -> value
    memory: list[MemoryRecord] = field(default_factory=list)
    energy: EnergyRecord | None = None
    checks: dict[str, str] = field(default_factory=dict)  # name -> "passed", "failed: …", "not applicable: …"
    suspect: list[str] = field(default_factory=list)  # names of the checks that failed
    schema: int = SCHEMA
    # That it was stored in, where that is an earlier one: what it says is of its time.
    first_schema: int | None = field(default=None, compare=False)

    @property
    def is_of_earlier_rules(self) -> bool:
        """Whether verdict and suspicion are those of a time with other rules: they are kept as they were."""
        return self.first_schema is not None

    @property
    def is_control(self) -> bool:
        """Whether the trial's way is its own reference (A/A): what differs between the two is noise."""
        ways = [(contender.label, contender.way) for contender in self.contenders]
        return len(ways) > 1 and ways[0] == ways[-1]

    def to_json(self) -> dict[str, Any]:
        """The record as it is stored."""
        return dict(typed_json.to_json(self))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """A stored record, of this schema or an earlier one.

        Raises:
            TypeError, KeyError, AttributeError, ValueError: for data that is no record.
        """
        return typed_json.from_json(cls, current(data))
