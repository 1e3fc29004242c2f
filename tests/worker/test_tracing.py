"""What a model's Python decides while it is traced: found with its place, settled by other inputs, or tried."""

import ast
import sys
import warnings
from pathlib import Path

import deciding_models
import numpy as np
import pytest
import torch
from deciding_models import DECIDING, HEALTHY, IDS, MASK, SEQUENCE, X, loaded
from torch import nn

from benchlib import tensors
from benchlib.models import LoadedModel
from benchlib.worker import conversions, tracing
from benchlib.worker.messages import TraceReport

SOURCE = Path(deciding_models.__file__).read_text()


def flat(inputs):
    return {name: tensors.to_numpy(leaf) for name, leaf in tensors.flatten(inputs)[0].items()}


def examine(module, *sets, seconds=60.0) -> TraceReport:
    return tracing.examine(loaded(module, sets[0]), {n: flat(inputs) for n, inputs in enumerate(sets)}, seconds)


def about_values(report):
    assert report.failed == ""
    return [decision for decision in report.decisions if decision.origin == "input"]


def lines_of(module) -> range:
    body = next(n for n in ast.parse(SOURCE).body if isinstance(n, ast.ClassDef) and n.name == module.__name__)
    return range(body.lineno, body.end_lineno + 1)


@pytest.mark.parametrize("name", DECIDING)
def test_what_other_inputs_decide_otherwise_is_settled_by_them(name):
    module, recorded, moved = DECIDING[name]
    found = about_values(examine(module, recorded, moved))
    if name == "one hot by itself":  # the operator counts the classes anew
        assert not found
        return
    assert found
    for decision in found:
        assert decision.settled
        assert "compared inputs 1" in decision.outcome and decision.otherwise == [1]
        assert decision.file.endswith("deciding_models.py")
        assert decision.line in lines_of(module)
        assert decision.code == SOURCE.splitlines()[decision.line - 1].strip()


@pytest.mark.parametrize("name", [n for n in DECIDING if n not in ("one hot by itself", "mask")])
def test_what_no_inputs_decide_otherwise_is_tried_and_matters(name):
    module, recorded, _ = DECIDING[name]
    found = about_values(examine(module, recorded))
    assert any(not decision.settled and "the outputs change" in decision.outcome for decision in found)


def test_a_mask_that_hides_nothing_changes_nothing_when_it_is_looked_at():
    (decision,) = about_values(examine(*DECIDING["mask"][:2]))
    assert (decision.settled, decision.outcome) == (True, "answered otherwise, the outputs stay")
    assert decision.inputs == ["mask"]


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_modules_decide_nothing_on_values(name):
    module, recorded, moved = HEALTHY[name]
    report = examine(module, recorded, moved)
    assert about_values(report) == []
    assert (report.random, report.failed) == ("", "")


def test_sizes_weights_and_constants_are_about_shapes():
    assert {d.kind for d in examine(deciding_models.Shapes, {"x": X}).decisions} >= {"bool", "len"}
    found = examine(deciding_models.Constants, {"x": X}).decisions
    assert [(d.kind, d.value, d.origin) for d in found] == [("tolist", "[1, 3]", "shape"), ("bool", "True", "shape")]


def test_what_raises_when_it_is_turned_over_checks_inputs():
    (checked, compared) = about_values(examine(deciding_models.Checked, {"ids": IDS}))
    assert checked.settled
    assert checked.outcome == "an input check: answered otherwise, it raises ValueError: an id beyond the table"
    assert compared.settled  # no answer that it accepts makes another graph


def test_a_number_on_which_an_operator_fails_is_no_check():
    class Folded(nn.Module):
        def forward(self, x):
            above = x[x > 0]
            return above.view(len(above), 1) * 2

    found = about_values(examine(Folded, {"x": X}))
    assert [d.kind for d in found] == ["len", "index"]
    for decision in found:
        assert not decision.settled
        assert decision.outcome.startswith("answered otherwise, an operator fails: RuntimeError")
    assert all(d.settled for d in about_values(examine(Folded, {"x": X}, {"x": X + 0.4})))


@pytest.mark.parametrize("error", ["ValueError", "RuntimeError"])
def test_a_number_that_the_models_own_code_refuses_is_a_check(error, tmp_path, monkeypatch):
    (tmp_path / "refusing.py").write_text(
        "from torch import nn\nclass Refusing(nn.Module):\n    def forward(self, x):\n"
        f"        if x.max().item() != 1.0:\n            raise {error}('not so')\n        return x * 2\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "refusing", raising=False)
    from refusing import Refusing

    (decision,) = about_values(examine(Refusing, {"x": X}))
    assert (decision.file, decision.settled) == ("refusing.py", True)
    assert decision.outcome == f"an input check: answered otherwise, it raises {error}: not so"


def test_what_changes_nothing_is_told():
    found = about_values(examine(deciding_models.Told, {"x": X}))
    outcomes = ["answered otherwise, the graph stays", "answered otherwise, the outputs stay"]
    assert [d.outcome for d in found] == outcomes
    assert all(d.settled for d in found)


def test_a_value_that_the_graph_computes_itself_is_not_frozen():
    (decision,) = about_values(examine(deciding_models.Sliced, {"x": SEQUENCE, "mask": MASK}))
    assert (decision.kind, decision.settled, decision.outcome) == ("index", True, "answered otherwise, the graph stays")


def test_a_trace_that_differs_from_its_repetition_is_random():
    report = examine(deciding_models.Drawn, {"x": X}, {"x": -X})
    file, _, line = report.random.rpartition(":")
    assert file.endswith("deciding_models.py")
    assert int(line) in lines_of(deciding_models.Drawn)
    assert about_values(report) == []


def test_what_a_first_call_leaves_behind_is_not_random():
    class Caching(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x * min(self.calls, 3)  # one call is made before the first trace

    report = examine(Caching, {"x": X}, {"x": -X})
    assert (report.random, report.decisions) == ("", [])


def test_a_model_that_counts_its_calls_is_no_function():
    class Counting(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    assert "test_tracing.py" in examine(Counting, {"x": X}, {"x": -X}).random


def test_inputs_of_which_the_module_asks_no_values_are_unused():
    report = examine(deciding_models.Unused, {"x": X, "left": X, "lengths": IDS})
    assert report.unused == ["left", "lengths"]
    assert examine(*DECIDING["mask"][:2]).unused == []  # `mask.all()` asks for them


def test_without_time_nothing_is_said_to_be_settled():
    (decision,) = about_values(examine(*DECIDING["sum"][:2], seconds=0.0))
    assert not decision.settled
    assert "no time was left" in decision.outcome


def test_without_time_no_other_set_is_traced():
    (decision,) = about_values(examine(*DECIDING["sum"], seconds=0.0))
    assert "no time was left" in decision.outcome


def test_a_model_that_cannot_be_traced_is_told():
    class Refusing(nn.Module):
        def forward(self, x):
            if torch.jit.is_tracing():
                raise ValueError("not this way")
            return x

    assert examine(Refusing, {"x": X}).failed == "ValueError: not this way"


def test_a_set_that_the_trace_refuses_decides_nothing():
    found = about_values(examine(deciding_models.Checked, {"ids": IDS}, {"ids": IDS + 20}))
    assert [d.otherwise for d in found] == [[], []]


# torch's own, as a module may have taken hold of it before anybody looks
_item, _equal = torch.Tensor.item, torch.equal


def test_a_conversion_that_only_torch_saw_counts_as_one_of_an_input():
    class Hidden(nn.Module):
        def forward(self, x):
            with torch._C.DisableTorchFunction():
                return x * _item(x.max())

    (decision,) = about_values(examine(Hidden, {"x": X}))
    assert (decision.kind, decision.settled) == ("conversion", False)
    (decision,) = about_values(examine(Hidden, {"x": X}, {"x": X * 3}))
    assert decision.settled
    assert "the graph differs for compared inputs 1" in decision.outcome


def test_what_a_model_took_hold_of_before_is_noted_too():
    class Held(nn.Module):
        def forward(self, x):
            return x * 2 if _equal(x[0], x[1]) else x * _item(x.max())

    equal, item = about_values(examine(Held, {"x": X}))
    assert (equal.kind, equal.settled, item.kind, item.settled) == ("equal", False, "item", False)


def test_a_value_that_is_no_value_of_the_graph_is_known_by_its_change():
    """What the tracer takes for a constant, and a moved set shows to be none."""

    class Bypassing(nn.Module):
        def forward(self, x):
            hidden = torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x))
            return x * 2 if hidden.sum() > 0 else x - 3

    (decision,) = about_values(examine(Bypassing, {"x": X}, {"x": -X}))
    assert (decision.kind, decision.inputs, decision.settled) == ("bool", [], True)


def test_torch_is_as_it_was_afterwards():
    before = {name: getattr(torch.Tensor, name) for name in ("__bool__", "item", "data", "__len__", "equal")}
    own = set(vars(torch.Tensor))
    examine(*DECIDING["data"])
    assert {name: getattr(torch.Tensor, name) for name in before} == before
    assert set(vars(torch.Tensor)) == own


def test_warnings_of_the_tracer_reach_the_log_of_an_export(tmp_path):
    from benchlib.exporters import ExportRequest, jit, script

    for exporter in (jit, script):
        assert exporter.exporter.traces
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("default")
            exporter.export(ExportRequest(loaded(*DECIDING["sum"][:2]), tmp_path / "m"))
        assert any(issubclass(w.category, torch.jit.TracerWarning) for w in told)


@pytest.mark.parametrize(
    ("value", "answers"),
    [
        (True, [False]),
        (4, [5, 3, 0, 8, 400]),
        (4000, [4001, 3999, 0, 8000]),
        (0, [1, -1, 100]),
        (2.0, [2.02, 1.98, -2.0, 0.0, 200.0, 2e6, 2e-6]),
        (0.0, [0.01, -0.01, 1.0, -1.0, 100.0]),
        ([1, 2], [[2, 3], [0, 1], [0, 0], [2, 1], [2, 1]]),
        ([4], [[5], [3], [0]]),
        (None, []),
        ("text", []),
    ],
)
def test_answers_are_turned_over_by_their_kind(value, answers):
    assert (
        conversions.turned_over(value) == pytest.approx(answers)
        if isinstance(value, float)
        else answers == (conversions.turned_over(value))
    )


@pytest.mark.parametrize(("threshold", "matters"), [(0.9, True), (-0.2, True), (40.0, True), (1e6, False)])
def test_a_number_is_held_against_thresholds_near_and_far(threshold, matters):
    class Threshold(nn.Module):
        def forward(self, x):
            return x * 2 if float(x.max()) > threshold else x - 3

    (decision,) = about_values(examine(Threshold, {"x": X}))
    assert decision.settled != matters


def test_inputs_of_other_shapes_are_no_others():
    assert examine(deciding_models.Rows, {"x": X}, {"x": torch.ones(3, 4)}).decisions[0].origin == "shape"


def test_numbers_that_differ_by_rounding_are_one_answer():
    assert not conversions.differs(1.0, 1.00001)
    assert conversions.differs(1.0, 1.01)
    assert conversions.differs(3, 4)
    assert conversions.differs([1, 2], [1, 2, 3])
    assert not conversions.differs(np.array([1.0, np.nan]), np.array([1.0, np.nan]))
    assert conversions.differs([[1], [2, 3]], [[1], [2, 4]])


def test_a_model_that_writes_into_its_inputs_leaves_those_of_the_next_trace_alone():
    class Writing(nn.Module):
        def forward(self, x):
            x += 1
            return x * 2 if x.sum() > 8 else x

    inputs = flat({"x": torch.full((2, 3), 0.2)})
    report = tracing.examine(LoadedModel({"x": X.clone()}, Writing(), positional=("x",)), {0: inputs, 1: inputs}, 60.0)
    assert about_values(report)[0].value == "False"
    assert inputs["x"].max() == np.float32(0.2)


@pytest.mark.parametrize(
    "model", [deciding_models.FarThreshold, deciding_models.HarmlessOuter, deciding_models.Cascade]
)
def test_a_threshold_that_no_input_crosses_is_found_by_turning_the_answer(model):
    """Other numbers, or questions that were not asked, are no decision taken otherwise."""
    found = about_values(examine(model, {"x": X}, {"x": -X}, {"x": X * 3}))
    assert any(not decision.settled for decision in found), [decision.outcome for decision in found]
