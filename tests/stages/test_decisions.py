"""What an export fixed for the recorded inputs: when a way is unverified or wrong for it, and when it is only told."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchlib import tensors
from benchlib.mistakes import make
from benchlib.record import Decision, Record
from benchlib.record.metadata import Artifact, InputSet, SavedModel
from benchlib.record.metrics import Metrics
from benchlib.stages import decisions
from benchlib.stages.builder import Builder
from benchlib.stages.context import start_context
from benchlib.stages.exporting import BuiltArtifact, export_all
from benchlib.stages.loading import Model, load
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import ExamineTrace, TraceReport

BRANCH = Decision(
    "net.py", 12, "if x.sum() > 0:", "bool", "True", "input", ["x"], "answered False, the outputs change", False
)
SETTLED = replace(BRANCH, line=20, settled=True, outcome="compared inputs 2 decide otherwise")
SHAPE = Decision("net.py", 3, "if len(x) > 1:", "len", "2", "shape", [], "by sizes")
SENTENCE = "net.py:12: `if x.sum() > 0` was decided for the recorded input, and no compared input decides otherwise"


class Truth:
    """Stands for the ground truth."""

    def __init__(self, *compared: int, **depends: bool | None):
        self.compared, self.depends = compared, depends

    def depends_on(self, name: str) -> bool | None:
        return self.depends[name]


class Launcher:
    """Stands for what starts workers: each answers with the report, and is counted."""

    def __init__(self, folder: Path):
        self.report, self.asked, self.workers, self.folder = TraceReport(), [], [], folder

    def left(self) -> float:
        return 60.0

    def start(self, name, how):
        log = self.folder / f"{name}.log"
        log.write_text("a warning of the tracer\n")
        worker = SimpleNamespace(ask=self._ask, kill=lambda: None, log=log)
        self.workers.append(worker)
        return worker

    def _ask(self, request: ExamineTrace, timeout: float) -> TraceReport:
        self.asked.append(request)
        if isinstance(self.report, Exception):
            raise self.report
        return self.report


@pytest.fixture
def launcher(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    return Launcher(tmp_path)


@pytest.fixture
def look(launcher, tmp_path):
    """Examines an artifact with some metrics, of a model with the tensors `x` and `t`."""
    folder = tmp_path / "model"
    folder.mkdir()
    tensors.save(folder / "inputs.npz", {"x": np.ones(3), "t": np.ones(1)})
    (folder / "model.pt").touch()
    sets = {n: InputSet(f"hash {n}", "moved", ["x"]) for n in (1, 2)}
    model = Model(folder, "k", {}, SavedModel((), {}, sets, "hash"), True)

    def run(exporter="script", truth=None, judged: str | None = None, dynamic=False, **metrics):
        trial = make({"model": "explicit/mlp", "exporter": exporter, "dynamic": dynamic})
        context = SimpleNamespace(trial=trial, launcher=launcher, level=SimpleNamespace(start="forked"))
        made = {trial.way.label: built(**metrics)}
        if judged is not None:
            made[trial.judge_way.label] = built(graph_inputs_used=judged)
        return decisions.examine(context, model, made, truth or Truth(0, 2))

    return run


def built(**metrics) -> BuiltArtifact:
    return BuiltArtifact(Path("model.onnx"), Artifact(Path("model.onnx"), metrics=Metrics(metrics)))


# -- decisions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("exporter", ["script", "jit"])
def test_a_decision_that_matters_leaves_a_way_that_traces_unverified(look, launcher, exporter):
    launcher.report = TraceReport([SETTLED, BRANCH, SHAPE])
    found = look(exporter)
    assert (found.unverified, found.problem) == (SENTENCE, "")
    assert found.decisions == [SETTLED, BRANCH]
    assert found.metrics == {
        "decisions": "net.py:20: `if x.sum() > 0` is True (compared inputs 2 decide otherwise); "
        "net.py:12: `if x.sum() > 0` is True (answered False, the outputs change)"
    }


def test_other_places_are_counted(look, launcher):
    launcher.report = TraceReport([BRANCH, replace(BRANCH, kind="int"), replace(BRANCH, line=14)])
    assert look().unverified == f"{SENTENCE} (the same at 1 other place)"


def test_what_compared_inputs_decide_otherwise_is_told_alone(look, launcher):
    launcher.report = TraceReport([SETTLED])
    found = look()
    assert found.unverified == ""
    assert found.decisions == [SETTLED]


def test_decisions_about_shapes_are_told_with_free_shapes_and_count_for_nothing(look, launcher):
    launcher.report = TraceReport([SHAPE])
    assert look() == decisions.Decisions()
    free = look(dynamic=True)
    assert (free.unverified, free.decisions, free.metrics) == ("", [SHAPE], {"decisions_on_shapes": 1})


@pytest.mark.parametrize("exporter", ["onnx_dynamo", "export", "eager", "inductor"])
def test_ways_that_do_not_trace_are_not_examined(look, launcher, exporter):
    launcher.report = TraceReport([BRANCH])
    assert look(exporter) == decisions.Decisions()
    assert launcher.asked == []


def test_a_fallback_is_examined_where_it_traced(look, launcher):
    launcher.report = TraceReport([BRANCH])
    assert look("onnx_dynamo-fallback", exporter_used="onnx_dynamo").unverified == ""
    assert look("onnx_dynamo-fallback", exporter_used="script").unverified == SENTENCE


def test_a_draft_keeps_its_own_words(look, launcher):
    launcher.report = TraceReport([BRANCH])
    found = look("onnx_dynamo", decisions="4*u6 > 4000 is False")
    assert found.unverified == SENTENCE
    assert found.metrics["decisions"].startswith("4*u6 > 4000 is False; net.py:12: ")


def test_what_differs_in_a_repetition_is_random(look, launcher):
    launcher.report = TraceReport(random="net.py:7")
    assert look().unverified.startswith("two traces of the recorded input differ at net.py:7")


@pytest.mark.parametrize(
    "report",
    [TraceReport(failed="ValueError: not so"), WorkerError("crashed", "WorkerDied", "ValueError: not so\nat line 3")],
)
def test_what_could_not_be_examined_is_unverified(look, launcher, report):
    launcher.report = report
    assert look().unverified == "what the trace decided on values could not be examined: ValueError: not so"
    assert launcher.workers == []


def test_the_model_is_traced_once_on_the_recorded_and_the_compared_sets(look, launcher, tmp_path):
    launcher.report = TraceReport([SETTLED, BRANCH])
    assert look("script") == look("jit")
    (request,) = launcher.asked
    assert {n: path.name for n, path in request.sets.items()} == {0: "inputs.npz", 2: "inputs-2.npz"}
    (log,) = (tmp_path / "cache").glob("traces/**/log.txt")
    assert log.read_text() == "a warning of the tracer\n"


# -- inputs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("exporter", ["script", "jit", "onnx_dynamo"])
def test_a_lost_input_that_the_outputs_depend_on_is_a_problem(look, exporter):
    found = look(exporter, Truth(t=True), graph_inputs_used="x")
    assert found.problem == "`t` is no input of the graph, and the outputs depend on it"


def test_a_lost_input_that_nothing_depends_on_is_a_fact(look):
    found = look(truth=Truth(t=False), graph_inputs_used="x")
    assert (found.problem, found.unverified, found.metrics) == ("", "", {"inputs_ignored": "t"})


def test_a_lost_input_that_no_set_moves_is_unverified(look):
    found = look(truth=Truth(t=None, x=None), graph_inputs_used="")
    told = "`x`, `t` are no inputs of the graph, and no set of inputs moves them alone"
    assert (found.problem, found.unverified) == ("", told)


def test_an_input_that_the_module_itself_ignores_is_not_lost(look, launcher):
    launcher.report = TraceReport(unused=["t"])
    for exporter in ("onnx_dynamo", "script"):
        found = look(exporter, Truth(t=None), graph_inputs_used="x")
        assert (found.unverified, found.metrics) == ("", {"inputs_ignored": "t"})


def test_a_ready_file_that_ignores_an_input_itself_lost_none(look):
    assert look("onnx_dynamo", Truth(t=None), judged="x", graph_inputs_used="x").unverified == ""
    assert look("onnx_dynamo", Truth(t=None), judged="x|t", graph_inputs_used="x").unverified != ""


def test_graphs_that_take_all_or_of_which_nothing_is_known_lost_none(look):
    assert look("onnx_dynamo", graph_inputs_used="x|t") == decisions.Decisions()
    assert look("onnx_dynamo") == decisions.Decisions()


def test_inputs_of_other_names_are_bound_by_position(look):
    names = {"onnx_input_names": "a|b"}
    assert look("onnx_dynamo", graph_inputs_used="a|b", **names) == decisions.Decisions()
    found = look("onnx_dynamo", Truth(t=True), graph_inputs_used="a", **names)
    assert found.problem.startswith("`t` ")


def test_a_sequence_of_tensors_is_one_input(look, tmp_path):
    tensors.save(tmp_path / "model" / "inputs.npz", {"x": [np.ones(3), np.ones(2)], "t": np.ones(1)})
    assert look("onnx_dynamo", graph_inputs_used="x|t", onnx_input_names="x|t") == decisions.Decisions()
    found = look("onnx_dynamo", Truth(t=True), graph_inputs_used="x", onnx_input_names="x|t")
    assert found.problem.startswith("`t` ")


# -- the record ----------------------------------------------------------------------------------


def test_decisions_stay_in_the_record():
    record = Record("k", "n", "unverified", {}, decisions=[BRANCH, SHAPE])
    assert Record.from_json(json.loads(json.dumps(record.to_json()))).decisions == [BRANCH, SHAPE]
    assert Record.from_json({"key": "k", "name": "n", "status": "ok", "trial": {}, "schema": 2}).decisions == []


# -- in processes --------------------------------------------------------------------------------

NET = """
import torch

class Net(torch.nn.Module):
    def forward(self, x, t):
        if x.sum() > 0:
            x = x * 2
        return x * float(t)

net = Net()
net(torch.linspace(-0.5, 1.0, 8).reshape(2, 4), torch.tensor(3.0))
"""


@pytest.mark.process
@pytest.mark.parametrize("exporter", ["script", "jit"])
def test_the_module_of_a_script_is_examined_in_a_process_of_its_own(tmp_path, monkeypatch, exporter):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "net.py").write_text(NET)
    context = start_context(make({"model": str(tmp_path / "net.py"), "exporter": exporter, "level": "smoke"}))
    try:
        builder = Builder(context.launcher, context.level.start)
        model = load(context, builder)
        made = dict(export_all(context, model, builder))
        names = list(tensors.load(model.inputs)[0])
        found = decisions.examine(context, model, made, Truth(**{names[0]: True, names[1]: True}))
        assert context.launcher.workers == []
    finally:
        context.launcher.end()
        context.warm.close()
    assert found.problem == f"`{names[1]}` is no input of the graph, and the outputs depend on it"
    place = "net.py:6: `if x.sum() > 0` was decided for the recorded input, and no compared input decides otherwise"
    assert found.unverified == f"{place} (the same at 1 other place)"
    assert [(d.line, d.kind, d.settled) for d in found.decisions] == [(6, "bool", False), (8, "float", False)]
    (log,) = (tmp_path / "cache").glob("artifacts/**/log_*.txt")
    assert "TracerWarning" in log.read_text()
