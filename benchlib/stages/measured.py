"""Everything that the figures of a trial are computed from, once its contenders were timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchlib.measure.contender import Opened
from benchlib.measure.controller import Measurement
from benchlib.measure.samples import Samples
from benchlib.record import ProcessStability
from benchlib.stages.comparison import Comparison
from benchlib.stages.context import Context
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.loading import Model


@dataclass(frozen=True)
class Measured:
    """A trial behind its timing. Contenders are numbered as the context's ways are."""

    context: Context
    model: Model
    artifacts: Mapping[str, BuiltArtifact]  # by the label of the way
    sessions: Sequence[Opened]  # those of the first replicate, which were checked
    comparison: Comparison
    measurement: Measurement
    stability: Sequence[ProcessStability]

    @property
    def samples(self) -> Samples:
        """Every sample of the trial."""
        return self.measurement.samples

    @property
    def own(self) -> int:
        """The contender that is the trial's own way; the reference, where there is one, is contender 0."""
        return len(self.context.ways) - 1

    @property
    def items(self) -> int:
        """Items of a call."""
        return self.model.items_of(self.context.trial)
