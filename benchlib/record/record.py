"""The record: what was asked of one trial, what was found, what came of it. This module is its documentation.

A record is stored as JSON in the trial's executed notebook (`benchlib.record.scrap`), and read back by
`Record.from_json`, which alone knows how earlier versions called its parts. Times are in seconds, sizes in bytes.
Metrics are declared in `benchlib.record.metrics`. Fields that do not apply are not in the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from benchlib import typed_json
from benchlib.record.metadata import PassStep, Session, session_of
from benchlib.record.metrics import Metrics

SCHEMA = 2
STATUSES = ("ok", "unverified", "inaccurate", "failed", "timeout", "crashed", "oom", "refused", "skipped")
STAGES = ("load", "export", "pass", "open", "run", "check", "measure", "record")
NOT_RUN = "not run"  # stands for the status of a planned trial that left no record


@dataclass
class Failure:
    """Why a trial ended early, or what it computes wrongly."""

    stage: str  # one of STAGES
    type: str  # of the exception, or a word of ours: Timeout, Mismatch, Inaccurate
    message: str
    cluster: str = ""  # a name for all failures of one kind
    traceback: str = ""
    log: str = ""  # the end of what the worker printed


@dataclass
class StepTime:
    """One step of the notebook."""

    seconds: float
    outcome: str  # ok, a status, "not reached" or "not asked for"
    starting: float = 0.0  # seconds of them that starting workers took


@dataclass
class ContenderRecord:
    """One of the sessions that were timed against each other; the first is the reference, the last the trial's own."""

    label: str
    way: dict[str, Any]  # the parameters of its way by name (`benchlib.way.Way`)
    session: Session | None = None  # None: it was never opened
    device_times: list[DeviceTimes] = field(default_factory=list)  # on CUDA, one per process
    processes: list[ProcessSettings] = field(default_factory=list)  # one per process that was timed


@dataclass
class ProcessSettings:
    """What one timed process said of itself (`benchlib.record.metadata.Session` of the first has all of it). The checks
    hold each process to what was asked for: another one of the same contender need not be as the first is."""

    input_hash: str = ""
    providers: str = ""
    threads: int | None = None
    devices: list[str] = field(default_factory=list)
    precision: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session) -> ProcessSettings:
        """Those of an open session."""
        return cls(session.input_hash, session.providers, session.threads, session.devices, session.precision)


@dataclass
class DeviceTimes:
    """A call in its parts, by the device's own clock: medians in seconds over `calls` calls."""

    calls: int
    whole: float
    compute: float
    copy_in: float
    copy_out: float
    back_to_back: float  # per call, of calls that nobody waits for


@dataclass
class OutputComparison:
    """One output at one set of inputs against the ground truth; what does not apply is None."""

    output: int  # position
    name: str
    shape: list[int]
    dtype: str
    passes: str = ""  # the rule by which it passes: tolerance, eager's error, exact, cosine …; "" where it does not
    inputs: int | str = 0  # number of the set, 0 being the recorded one; or other shapes, in words
    max_abs: float | None = None
    max_rel: float | None = None
    mean_abs: float | None = None
    q999_abs: float | None = None
    rmse: float | None = None
    rmse_eager: float | None = None  # eager's own against the ground truth
    rmse_ratio: float | None = None
    cosine: float | None = None
    share: float | None = None  # of its tolerance that the worst element uses
    beyond: int | None = None  # elements beyond the tolerance
    nonfinite: int | None = None  # elements that are NaN or infinite on one side alone
    atol: float | None = None  # the absolute tolerance, scaled
    top1: float | None = None  # agreement of ranked classes
    top5: float | None = None
    worst_slice: str | None = None  # in words ("channel 5"), of all sets of inputs together; "": the whole output
    slice_share: float | None = None  # of its bound that the worst slice uses


@dataclass
class Decision:
    """Where the model's Python asked one of its tensors for a value while it was traced, which a trace keeps as a
    constant (`benchlib.worker.tracing`)."""

    file: str  # relative to where it was imported from
    line: int
    code: str  # of that line
    kind: str  # what was asked for: bool, int, float, index, item, tolist, numpy, len …; graph: operators took it
    value: str  # the answer for the recorded inputs
    origin: str  # input; shape: sizes, weights and constants alone
    inputs: list[str] = field(default_factory=list)  # flat names of those that it comes from
    outcome: str = ""  # what became of it, in words
    settled: bool = True  # False: it matters, and no compared input decides otherwise
    times: int = 1  # in one call
    otherwise: list[int] = field(default_factory=list)  # numbers of the compared sets that decide otherwise


@dataclass
class ProcessStability:
    """How steady one process of one contender ran (`benchlib.measure.steadiness`)."""

    contender: int
    replicate: int
    flags: list[str]
    levels: list[float]  # medians of its segments, in time order, in seconds
    modes: list[float] | None = None  # medians of two modes, where there are two
    correlation: float = 1.0  # autocorrelation time in samples


@dataclass
class OperatorTime:
    """One operator of a profiled call: how often it ran there, and for how long, per call of the model."""

    operator: str
    provider: str
    calls: float
    seconds: float


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
class SmallestFailure:
    """The smallest submodule whose export fails too (`benchlib.exporters._bisect`)."""

    path: str  # "": the model itself
    class_name: str
    exception: str
    message: str  # its first line
    tried: int = 0  # attempts
    complete: bool = True  # false: time ran out before all children were tried


@dataclass
class ExportReport:
    """Of an export that failed: what failed in it, and how it is repeated."""

    exception: str
    message: str
    smallest: SmallestFailure | None = None
    reproduce: str = ""


@dataclass
class TrialFiles:
    """Where the very files of a trial are, for the proof of its row."""

    inputs: str = ""
    artifact: str = ""
    outputs: str = ""  # of the ground truth, for the recorded inputs


@dataclass
class Footprint:
    """The memory of one process in one phase (`benchlib.worker.footprint`)."""

    peak: int
    rss: int
    pss: int
    private: int
    file: int
    untouched: int = 0  # of the artifact's files, mapped and not resident
    cuda_allocated: int | None = None
    cuda_reserved: int | None = None
    nvml: int | None = None


Phases = dict[str, Footprint]  # baseline, session, first, steady; or baseline, load, export


@dataclass
class MemoryRecord:
    """The memory of one contender, a mapping of phases for each process."""

    label: str
    problem: str = ""  # why figures are missing
    settings: dict[str, Any] = field(default_factory=dict)  # of the allocators
    sessions: list[Phases] = field(default_factory=list)
    exports: list[Phases] = field(default_factory=list)


@dataclass
class EnergyRepeat:
    """One spell of idling and one of steady calls."""

    idle_seconds: float
    idle_joules: float
    seconds: float
    joules: float
    calls: int


@dataclass
class ContenderEnergy:
    """The energy run of one contender."""

    label: str
    problem: str = ""
    repeats: list[EnergyRepeat] = field(default_factory=list)


@dataclass
class EnergyRecord:
    """The energy run of a trial."""

    method: str  # of reading the counter; "none"
    reason: str = ""  # why nothing was measured
    contenders: list[ContenderEnergy] = field(default_factory=list)


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
        current = data if data.get("schema", 1) >= SCHEMA else _from_schema_1(data)
        return typed_json.from_json(cls, current)


# -- earlier schemas -----------------------------------------------------------------------------


def _from_schema_1(data: Mapping[str, Any]) -> dict[str, Any]:
    """Until November 2026: session facts lay beside a contender's label, a pass's own words beside its sizes, and what
    was not there was an empty mapping."""
    record = {name: value for name, value in data.items() if value is not None}
    record |= {"schema": SCHEMA, "first_schema": data.get("schema", 1)}
    record["stability"] = [_renamed(process, pair="replicate") for process in record.pop("course", None) or ()]
    record["contenders"] = [_contender_of_schema_1(c) for c in record.get("contenders", ())]
    record["passes"] = [_with_details(PassStep, step) for step in record.get("passes", ())]
    for name in ("error", "graph", "export_report", "energy"):
        if not record.get(name):
            record.pop(name, None)
    if error := record.get("error"):
        record["error"] = {"stage": record.get("stage", ""), "type": "", "message": record.get("reason", ""), **error}
    if report := record.get("export_report"):
        smallest = report.get("smallest") or None
        record["export_report"] = {**report, "smallest": smallest and _renamed(smallest, **{"class": "class_name"})}
    return record


def _contender_of_schema_1(data: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: value for name, value in data.items() if name not in ("label", "way", "device_times")}
    session = typed_json.to_json(session_of(facts)) if facts else None
    device_times = [times for times in data.get("device_times", ()) if times]
    return {
        "label": data.get("label", ""),
        "way": data.get("way", {}),
        "session": session,
        "device_times": device_times,
    }


def _with_details(kind: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    known = {f.name for f in fields(kind)}
    own = {name: value for name, value in data.items() if name in known}
    return {**own, "details": {name: value for name, value in data.items() if name not in known}}


def _renamed(data: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in data.items()}
