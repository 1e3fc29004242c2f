"""Nodes and time by provider, from graph assignments and from stored profiles.

`profile_cpu.json` is a profile that onnxruntime wrote (MatMul, Relu, Shape, Reshape; four runs); `profile_cuda.json`
is a copy in which all but Shape are on CUDA, and a NonZero on the CPU stands between two copies; in
`profile_tensorrt.json` TensorRT has MatMul and Relu as one node, and CUDA the Reshape behind it.
"""

import json
from pathlib import Path

import pytest

from benchlib.measure.profile import placement_metrics
from benchlib.record import OperatorTime, metadata
from benchlib.runtimes import OpenRequest, _ort_session, _placement

DATA = Path(__file__).parent.parent / "data"
CUDA, CPU, TENSORRT = "CUDAExecutionProvider", "CPUExecutionProvider", "TensorrtExecutionProvider"


def events(name):
    return json.loads((DATA / f"{name}.json").read_text())


class Session:
    """A session whose graph is assigned as {provider: kinds of nodes}."""

    def __init__(self, placed):
        self.placed = placed

    def get_provider_graph_assignment_info(self):
        def part(name, kinds):
            nodes = [type("Node", (), {"op_type": kind}) for kind in kinds]
            return type("Part", (), {"ep_name": name, "get_nodes": lambda self: nodes})()

        return [part(name, [kind]) for name, kinds in self.placed.items() for kind in kinds]


@pytest.mark.parametrize(
    ("placed", "share"),
    [
        ({CUDA: ["MatMul", "Relu"]}, 1.0),
        ({CUDA: ["MatMul", "Relu"], CPU: ["Shape", "Gather"]}, 1.0),
        ({CUDA: ["MatMul", "Relu", "Shape"], CPU: ["NonZero", "Shape"]}, 0.75),
        ({CPU: ["MatMul"]}, 0.0),
        ({CPU: ["Shape"]}, 0.0),
    ],
)
def test_the_share_of_nodes_leaves_out_shapes_on_the_cpu(placed, share):
    found = _placement.facts(Session(placed), CUDA)
    assert found["node_share"] == share
    assert found["nodes_by_provider"] == {name: len(kinds) for name, kinds in placed.items()}


def test_an_onnxruntime_that_does_not_tell_gives_no_figures():
    assert _placement.facts(object(), CUDA) == {}


def test_a_profile_that_onnxruntime_wrote():
    table = _placement.profile(events("profile_cpu"), 3)
    assert {(row["operator"], row["provider"], row["calls"]) for row in table} == {
        (kind, CPU, 1.0) for kind in ("MatMul", "Relu", "Shape", "Reshape")
    }
    last = [e for e in events("profile_cpu") if e["cat"] == "Node"][-12:]
    for row in table:
        own = [e["dur"] for e in last if e["args"]["op_name"] == row["operator"]]
        assert row["seconds"] == pytest.approx(sum(own) / 3 / 1e6)
    assert [row["seconds"] for row in table] == sorted((row["seconds"] for row in table), reverse=True)


def test_the_runs_before_the_last_ones_are_left_out():
    whole, last = (_placement.profile(events("profile_cpu"), n) for n in (4, 3))
    first = sum(e["dur"] for e in [e for e in events("profile_cpu") if e["cat"] == "Node"][:4]) / 1e6
    assert 4 * sum(r["seconds"] for r in whole) - 3 * sum(r["seconds"] for r in last) == pytest.approx(first)
    with pytest.raises(ValueError, match="4 runs, 5 were asked for"):
        _placement.profile(events("profile_cpu"), 5)


def test_copies_and_work_on_the_cpu_show_in_the_profile():
    table = [OperatorTime(**row) for row in _placement.profile(events("profile_cuda"), 4)]
    found = _placement.summary(table, CUDA)
    # per call, in µs: MatMul 50, Relu 35, Reshape 5 on CUDA; NonZero 30 and Shape 2 on the CPU; copies 20 and 10
    assert found["node_time_share"] == pytest.approx(90 / 120)
    assert found["n_memcpy"] == 2
    assert found["time_memcpy"] == pytest.approx(30e-6)
    assert found["seconds_by_provider"] == pytest.approx({CUDA: 120e-6, CPU: 32e-6})


@pytest.mark.parametrize(
    ("stored", "provider", "share", "named"),
    [
        ("profile_cpu", CPU, 1.0, None),
        ("profile_cuda", CUDA, 3 / 4, "1 NonZero"),
        ("profile_tensorrt", TENSORRT, 1 / 2, "1 NonZero"),
        ("profile_cpu", CUDA, 0.0, "1 MatMul, 1 Relu"),
    ],
)
def test_an_operator_that_the_provider_lacks_fails_by_its_name(stored, provider, share, named):
    placed = _placement.kinds(_placement.profile(events(stored), 4))
    assert _placement.share(placed, provider) == share
    problem = _placement.fallback(placed, provider)
    assert (problem is None) == (named is None)
    if named:
        assert problem.startswith(
            f"{provider} would fall back to {CPU} for {named} (its share of the nodes is {share:g};"
        )


def test_nodes_on_cuda_behind_tensorrt_are_allowed_and_counted():
    placed = {TENSORRT: {"TRTKernel": 1}, CUDA: {"NonMaxSuppression": 1}, CPU: {"Shape": 2}}
    assert _placement.fallback(placed, TENSORRT) is None and _placement.share(placed, TENSORRT) == 0.5
    problem = _placement.fallback({CUDA: {"MatMul": 2}, CPU: {"Shape": 2}}, TENSORRT)
    assert problem.startswith(f"{TENSORRT} would fall back to {CPU} and {CUDA} for all of the graph")


class Profiled:
    """An open session whose profile is a stored one."""

    def __init__(self, name):
        self.end_profiling = lambda: str(DATA / f"{name}.json")


@pytest.mark.parametrize("permitted", [False, True])
def test_a_profiled_session_proves_a_fallback(permitted):
    session = object.__new__(_ort_session.OrtSession)
    session.session, session.facts = Profiled("profile_cuda"), {"providers": CUDA}
    session.request = OpenRequest("m.onnx", "onnx", options={"allow_cpu_nodes": permitted})
    if permitted:
        assert len(session.profile(lambda: None, 4)) == 7
    else:
        with pytest.raises(RuntimeError, match=f"{CUDA} would fall back to {CPU} for 1 NonZero"):
            session.profile(lambda: None, 4)


def test_metrics_of_a_graph_and_of_a_module():
    placed = {"node_share": 0.75, "nodes_by_provider": {CUDA: 3, CPU: 1}}
    graph = metadata.Session(providers=CUDA, threads=2, **placed)
    assert placement_metrics(graph, []) == placed
    profile = [OperatorTime(**row) for row in _placement.profile(events("profile_cuda"), 4)]
    profiled = placement_metrics(graph, profile)
    assert profiled["node_share"] == 0.75 and profiled["n_memcpy"] == 2
    module = [OperatorTime("aten::mm", "CUDA", calls=1.0, seconds=2e-3)]
    assert placement_metrics(metadata.Session(providers="CUDA"), module) == {"seconds_by_provider": {"CUDA": 2e-3}}
    assert placement_metrics(metadata.Session(providers="CUDA"), []) == {}
