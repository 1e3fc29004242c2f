"""Models that are no functions, and some that only look so, from the loaded module to the record."""

import sys
from pathlib import Path

import pytest

from benchlib.stages.steps import begin

pytestmark = [pytest.mark.process, pytest.mark.slow]

WAYS = ("eager", "script")


@pytest.fixture(scope="module")
def record_of():
    """The record of a trial of a module by a way, made when it is first asked for; what is cached is shared."""
    import torch

    from benchlib.models import python

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        import modules_of_all_natures as modules

        records = {}

        def run(name: str, way: str, **parameters):
            if (name, way, *parameters) not in records:
                torch.manual_seed(0)
                module = getattr(modules, name)().eval()
                model = python.store(module, torch.randn(4, 16))
                asked = {"until": "check", **parameters}
                trial = begin({"model": model, "exporter": way, "level": "smoke", "batch_size": 4, **asked})
                for step in (trial.load, trial.export, trial.open, trial.check, trial.measure):
                    step()
                records[name, way, *parameters] = trial.record().record
            return records[name, way, *parameters]

        yield run
    sys.modules.pop("modules_of_all_natures", None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name, words", [("Drops", "dropout"), ("ThrowsDice", "numpy.random")])
def test_a_model_that_draws_is_unverified_and_what_draws_is_named(record_of, name, words, way):
    record = record_of(name, way)
    assert (record.status, record.stage) == ("unverified", "check"), record.reason
    assert record.reason == f"the model draws random numbers: {words}"
    assert record.metrics["ground_truth_is"] == f"random: {words}"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name, words", [("KeepsSamples", "its buffer `last`"), ("Counts", "its state")])
def test_a_model_that_remembers_is_never_ok_and_its_memory_is_named(record_of, name, words, way):
    record = record_of(name, way)
    assert record.status == "unverified" if way == "eager" else record.status in ("unverified", "inaccurate")
    assert f"the model remembers its calls: each changes {words}" in record.reason
    assert record.metrics["ground_truth_is"] == f"stateful: {words}"


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_writes_into_its_inputs_is_ok(record_of, way):
    record = record_of("ShrinksItsInput", way)
    assert record.status == "ok", record.reason
    assert record.metrics["ground_truth_is"] == "changes its inputs: `x`"
    assert record.metrics["judged_by"] == "eager, float64"


@pytest.mark.parametrize("name, way", [("Healthy", "eager"), ("Healthy", "script"), ("Normalises", "eager")])
def test_a_healthy_model_is_a_function_whatever_its_buffers_count(record_of, name, way):
    record = record_of(name, way)
    assert record.status == "ok", record.reason
    assert record.metrics["ground_truth_is"] == "a function"


def test_an_unverified_way_is_timed_and_decides_nothing(record_of):
    record = record_of("Drops", "script", until="measure")
    assert (record.status, record.stage) == ("unverified", "check"), record.reason
    assert record.metrics["time_latency"] > 0 and record.metrics["speedup"] > 0
    assert not {"verdict", "p_value"} & set(record.metrics)
    assert record.outputs == [] and "tolerance_share" not in record.metrics


@pytest.mark.parametrize("way", WAYS)
def test_without_eager_a_way_that_runs_is_unverified(record_of, way):
    """What eager cannot run may be exported all the same, into something that nobody can hold against anything."""
    record = record_of("RunsExportedAlone", way, reference="none")
    if way == "script":
        assert (record.status, record.stage) == ("unverified", "check"), record.reason
        assert record.reason.startswith("no ground truth: RuntimeError: no inference here")
        assert record.files.outputs == ""
    else:
        assert record.status == "failed"


def random_graph(folder: Path) -> Path:
    from onnx import TensorProto, helper, save

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 16]) for name in "xy")
    nodes = [helper.make_node("RandomNormalLike", ["x"], ["noise"]), helper.make_node("Add", ["x", "noise"], ["y"])]
    graph = helper.make_graph(nodes, "g", [x], [y])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "noisy.onnx")
    return folder / "noisy.onnx"


def test_a_graph_that_draws_is_unverified_and_its_operator_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    trial = begin({"model": str(random_graph(tmp_path)), "exporter": "onnx", "level": "smoke", "until": "check"})
    for step in (trial.load, trial.export, trial.open, trial.check, trial.measure):
        step()
    record = trial.record().record
    assert (record.status, record.reason) == ("unverified", "the model draws random numbers: RandomNormalLike")
