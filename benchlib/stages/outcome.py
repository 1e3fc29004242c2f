"""What has come of a trial so far: the results of its steps, one after another, and the failure that ended it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from benchlib.errors import UserError
from benchlib.measure.contender import Opened
from benchlib.measure.controller import Measurement
from benchlib.measure.samples import Samples
from benchlib.record import ExportReport, Failure, OperatorTime, StepTime
from benchlib.stages.comparison import Comparison
from benchlib.stages.decisions import Decisions
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.ground_truth import GroundTruth
from benchlib.stages.loading import Model
from benchlib.stages.measuring import Timing

T = TypeVar("T")


@dataclass(frozen=True)
class StepFailure:
    """Why a step ended the trial."""

    status: str
    failure: Failure
    report: ExportReport | None = None  # of an export


@dataclass
class Outcome:
    """A trial on its way. What a step did not reach is not there."""

    steps: dict[str, StepTime] = field(default_factory=dict)
    failure: StepFailure | None = None
    model: Model | None = None
    artifacts: dict[str, BuiltArtifact] = field(default_factory=dict)  # by the label of the way
    sessions: list[Opened] = field(default_factory=list)
    output_size: int | None = None  # elements of all outputs
    ground_truth: GroundTruth | None = None
    comparison: Comparison | None = None
    decisions: Decisions | None = None  # what the export fixed for the recorded inputs
    measurement: Measurement | None = None
    profile: list[OperatorTime] = field(default_factory=list)
    timing: Timing | None = None

    @property
    def samples(self) -> Samples | None:
        """Every sample; None where nothing was measured."""
        return self.measurement.samples if self.measurement else None


def require_result(result: T | None, step: str) -> T:
    """The result of an earlier step. Raises UserError where a notebook's cells were run out of order."""
    if not result:
        raise UserError(f"trial.{step}() has to run before this step")
    return result
