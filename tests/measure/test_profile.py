"""The profiled run, in a real worker of its own."""

import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchlib import tensors
from benchlib.measure.contender import Contender, Launcher
from benchlib.measure.levels import LEVELS
from benchlib.measure.profile import CALLS, profile_calls
from benchlib.worker.messages import OpenSession

pytestmark = pytest.mark.process


def test_a_process_of_its_own_gives_the_operators_of_a_call(tmp_path):
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [3]) for n in "ab"]
    nodes = [helper.make_node("Exp", ["a"], ["m"]), helper.make_node("Sqrt", ["m"], ["b"])]
    graph = helper.make_graph(nodes, "g", value[:1], value[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "m.onnx")
    tensors.save(tmp_path / "inputs.npz", {"a": np.ones(3, np.float32)})
    request = OpenSession(
        "onnxruntime", tmp_path / "m.onnx", tmp_path / "inputs.npz", exporter="onnx", cuda_graphs=True
    )
    launcher = Launcher("f" * 16, 1, tmp_path, lambda: pytest.fail("it starts fresh"), timeout=60.0)
    try:
        rows = profile_calls(Contender("onnx", False, request), launcher, LEVELS["precise"], seed=0)
        pids = [worker.pid for worker in launcher.workers]
    finally:
        launcher.end()
    assert sorted((r.operator, r.provider, r.calls) for r in rows) == [
        ("Exp", "CPUExecutionProvider", 1.0),
        ("Sqrt", "CPUExecutionProvider", 1.0),
    ]
    assert CALLS >= 10
    assert len(pids) == 1 and pids[0] != os.getpid()
    assert request.profile == "" and request.cuda_graphs, "the timed session is not profiled"
