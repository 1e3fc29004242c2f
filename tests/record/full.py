"""A record of which no field, at any depth, is left at its default."""

from __future__ import annotations

import math

from benchlib.record import (
    ContenderEnergy,
    ContenderRecord,
    Decision,
    DeviceTimes,
    EnergyRecord,
    EnergyRepeat,
    ExportReport,
    Failure,
    Footprint,
    GraphSize,
    MemoryRecord,
    OperatorTime,
    OutputComparison,
    ProcessSettings,
    ProcessStability,
    Record,
    SmallestFailure,
    StepTime,
    TrialFiles,
)
from benchlib.record.metadata import PassStep, Session
from benchlib.record.metrics import Metrics

SESSION = Session(
    "CPUExecutionProvider", 2, 1, "input", "weights", ["cpu"], {"matmul": "ieee"}, ["x"], {"CPUExecutionProvider": 2},
    1.0, 0.5, 0.4, 0.1, "/bin/python", "cold", {"graph_optimization": "ORT_ENABLE_ALL"},
)  # fmt: skip
FULL = Record(
    key="k" * 64,
    name="mlp-script-kkkkkkkk",
    status="inaccurate",
    trial={"model": "explicit/mlp", "batch_size": 4, "reference": {"exporter": "eager"}},
    metrics=Metrics(time_latency=1e-3, verdict="faster", break_even=math.inf),
    details={"revision": "abc"},
    stage="check",
    reason="output 0: 3 elements beyond the tolerance",
    error=Failure("check", "Inaccurate", "output 0: 3 elements beyond the tolerance", "Inaccurate: ·", "Trace", "log"),
    reproduce="python -m benchlib run explicit/mlp",
    steps={"load": StepTime(0.6, "ok", 0.1)},
    contenders=[
        ContenderRecord("eager", {"exporter": "eager"}),
        ContenderRecord(
            "script", {"exporter": "script"}, SESSION, [DeviceTimes(9, 6e-4, 3e-4, 1e-4, 2e-4, 5e-4)],
            [ProcessSettings("a" * 64, "CUDA", 2, ["cuda:0"], {"matmul": "tf32"})],
        ),
    ],
    outputs=[
        OutputComparison(
            0, "y", [4, 10], "float32", "tolerance", "batch 7", 1e-6, 1e-5, 1e-7, 2e-6, 3e-6, 4e-6, 0.75, 0.99, 0.5, 3,
            1, 1e-4, 0.9, 0.8, "channel 5", 0.7,
        )
    ],
    decisions=[Decision("net.py", 3, "if x:", "bool", "True", "input", ["x"], "the outputs change", False, 2, [8])],
    phases={"own": {"export": [2.0], "first": [0.1, 0.2]}},
    stability=[ProcessStability(1, 2, ["bimodal"], [1e-3, 2e-3], [1e-3, 1.2e-3], 1.5)],
    profile=[OperatorTime("MatMul", "CPUExecutionProvider", 2.0, 1e-4)],
    passes=[PassStep("ort", 0.2, 9, 8, 3, 2, {"Add": 3}, {"Add": 2}, ["Gelu"], {"level": 1}, {"casts_added": 2})],
    operators={"MatMul": 2},
    graph=GraphSize(3, 4, 17, 900, 1, 2),
    export_report=ExportReport("E", "whole", SmallestFailure("a.b", "Layer", "E", "part", 7, False), "python again"),
    files=TrialFiles("/in.npz", "/m.onnx", "/out.npz"),
    fingerprint={"packages": {"numpy": "2"}},
    memory=[
        MemoryRecord(
            "eager", "none", {"MALLOC_ARENA_MAX": "1"}, [{"baseline": Footprint(9, 8, 7, 6, 5, 4, 3, 2, 1)}],
            [{"export": Footprint(1, 2, 3, 4, 5, 6, 7, 8, 9)}],
        )
    ],
    energy=EnergyRecord("rapl", "why", [ContenderEnergy("eager", "no", [EnergyRepeat(1.0, 2.0, 3.0, 4.0, 5)])]),
    checks={"phases": "passed"},
    suspect=["phases"],
    first_schema=1,
)  # fmt: skip
