"""What is kept of a trial, and what is known of the things that it makes, as typed values.

The record and its parts are imported from here: `record` has the whole, `failures`, `contenders`, `answers` and
`resources` what it is made of. `metadata` has the saved model, the artifact and the session, `metrics` the declared
metrics, `scrap` the way into a notebook and back.
"""

from benchlib.record.answers import Decision, OutputComparison
from benchlib.record.contenders import ContenderRecord, DeviceTimes, OperatorTime, ProcessSettings, ProcessStability
from benchlib.record.failures import ExportReport, Failure, SmallestFailure
from benchlib.record.record import NOT_RUN, STAGES, STATUSES, GraphSize, Record, StepTime, TrialFiles
from benchlib.record.resources import ContenderEnergy, EnergyRecord, EnergyRepeat, Footprint, MemoryRecord, Phases
from benchlib.record.schema import SCHEMA

__all__ = [
    "NOT_RUN", "SCHEMA", "STAGES", "STATUSES", "ContenderEnergy", "ContenderRecord", "Decision", "DeviceTimes",
    "EnergyRecord", "EnergyRepeat", "ExportReport", "Failure", "Footprint", "GraphSize", "MemoryRecord",
    "OperatorTime", "OutputComparison", "Phases", "ProcessSettings", "ProcessStability", "Record", "SmallestFailure",
    "StepTime", "TrialFiles",
]  # fmt: skip
