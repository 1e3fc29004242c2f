"""What a worker can be asked, and what it answers: one request and one reply for each verb, used by both ends.

`class RunBlock(Request[TimedBlock], verb="run")` says that `run` is answered by a TimedBlock. All are dataclasses of
plain values (`benchlib.typed_json`), which cross into any Python environment. Times are in seconds, but for what a
clock was read for (`TimedBlock`, `ReferenceLoad`): whole nanoseconds. The messages lie by subject, each reply above
its request, and are imported from here.
"""

from benchlib.worker.messages.exporting import (
    AppliedPass,
    ApplyPass,
    ExamineTrace,
    ExplainFailure,
    Explanation,
    ExportModel,
    TraceReport,
)
from benchlib.worker.messages.judging import Judgement, JudgeModel, NameRandomOperators, RandomOperators
from benchlib.worker.messages.loading import DescribeModel, LoadModel, ModelDescription
from benchlib.worker.messages.memory import (
    Allocators,
    ImportModules,
    MakeCalls,
    OpenSavedModel,
    ReadFootprint,
    ResetPeak,
)
from benchlib.worker.messages.profiling import (
    DeviceReply,
    MeasurePeaks,
    Peaks,
    Profile,
    ProfileCalls,
    ReadReferenceLoad,
    ReferenceLoad,
    TimeOnDevice,
)
from benchlib.worker.messages.request import REQUESTS, Done, Leave, Problem, Request, request_named
from benchlib.worker.messages.running import (
    CheckedOutputs,
    CheckOutputs,
    GiveOutputs,
    InputHashes,
    NewOutputs,
    OpenSession,
    Outputs,
    RotateInputs,
    RunBlock,
    TimedBlock,
)

__all__ = [
    "REQUESTS", "Allocators", "AppliedPass", "ApplyPass", "CheckOutputs", "CheckedOutputs", "DescribeModel",
    "DeviceReply", "Done", "ExamineTrace", "ExplainFailure", "Explanation", "ExportModel", "GiveOutputs",
    "ImportModules", "InputHashes", "JudgeModel", "Judgement", "Leave", "LoadModel", "MakeCalls", "MeasurePeaks",
    "ModelDescription", "NameRandomOperators", "NewOutputs", "OpenSavedModel", "OpenSession", "Outputs", "Peaks",
    "Problem", "Profile", "ProfileCalls", "RandomOperators", "ReadFootprint", "ReadReferenceLoad", "ReferenceLoad",
    "Request", "ResetPeak", "RotateInputs", "RunBlock", "TimeOnDevice", "TimedBlock", "TraceReport", "request_named",
]  # fmt: skip
