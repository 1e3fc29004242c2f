"""A model alone is enough: exporter, runtime and reference follow its source, wherever it is named."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from benchlib import api, cli
from benchlib.errors import Refused, Unavailable, UserError
from benchlib.mistakes import make
from benchlib.models import LoadedModel, _work, exported_file, torchscript_file
from benchlib.models import script as scripts
from benchlib.plan.expand import expand
from benchlib.plan.options import values_of
from benchlib.plan.selections import select
from benchlib.plan.study import from_options, read
from benchlib.registries import runtimes
from benchlib.runtimes import OpenRequest

FAST = ("--level", "smoke", "-q")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x).relu()


def graph(kind: int = TensorProto.FLOAT, operator: str = "Add") -> onnx.ModelProto:
    values = [helper.make_tensor_value_info(name, kind, [1, 4]) for name in "xy"]
    made = helper.make_graph([helper.make_node(operator, ["x", "x"], ["y"], "n")], "g", values[:1], values[1:])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    onnx.save(graph(), folder / "net.onnx")
    torch.manual_seed(0)
    torch.jit.script(Net()).save(str(folder / "net.pt"))
    torch.export.save(torch.export.export(Net().eval(), (torch.ones(3, 4),)), folder / "net.pt2")
    np.savez(folder / "given.npz", x=np.ones((2, 4), np.float32))
    return folder


@pytest.fixture
def planned(files, monkeypatch):
    monkeypatch.chdir(files)
    return lambda **options: expand(
        from_options("x", {n: v if isinstance(v, list) else [v] for n, v in options.items()})
    )


@pytest.mark.parametrize(
    ("model", "exporter", "runtime", "reference"),
    [
        ("net.onnx", "onnx", "onnxruntime", None),
        ("./net.onnx", "onnx", "onnxruntime", None),
        ("net.pt", "script", "onnxruntime", "eager"),
        ("net.pt2", "onnx_dynamo", "onnxruntime", "eager"),
        ("explicit/mlp", "onnx_dynamo", "onnxruntime", "eager"),
        ("package:silero_vad/data/silero_vad.onnx", "onnx", "onnxruntime", None),
    ],
)
def test_exporter_runtime_and_reference_follow_the_source(planned, model, exporter, runtime, reference):
    (one,) = planned(model=model).trials
    assert (one.status, one.reason) == ("", "")
    way, compared = one.trial.way, one.trial.reference_way
    assert (one.trial.exporter, way.runtime, compared and compared.exporter) == (exporter, runtime, reference)
    assert one.trial.key() == make({"model": model, "exporter": exporter}).key()


def test_each_model_of_a_matrix_has_its_own_exporter(planned):
    plan = planned(model=["net.onnx", "explicit/mlp", "net.pt2"])
    assert [p.trial.exporter for p in plan.trials] == ["onnx", "onnx_dynamo", "onnx_dynamo"]
    (refused, _) = planned(model=["net.onnx", "explicit/mlp"], exporter="eager").trials
    assert refused.status == "refused" and "leave exporter out, which then is onnx" in refused.reason


def test_a_study_says_no_more_than_the_command_line(files, tmp_path, monkeypatch):
    monkeypatch.chdir(files)
    text = "name: s\nmatrix: {model: [net.onnx, explicit/mlp]}\nexclude: [{exporter: onnx_dynamo}]\n"
    (tmp_path / "s.yaml").write_text(text)
    (one,) = expand(read(tmp_path / "s.yaml")).trials
    assert one.trial.exporter == "onnx"


def test_neither_does_python(files):
    for model in (files / "net.onnx", str(files / "net.onnx")):
        (one,) = expand(api._study_of(model, None, {})).trials
        assert (one.status, one.trial.exporter) == ("", "onnx")


@pytest.mark.parametrize("model", ["net.onnx", "net.pt2", "./net.onnx", "explicit/mlp", "*.onnx", "timmm/resnet18"])
def test_a_model_as_the_first_word_is_run(main, monkeypatch, model):
    seen = []
    monkeypatch.setattr(cli, "_execute", lambda study, *_, **__: seen.append(study.defaults["model"].value))
    monkeypatch.setattr(cli.cli_scripts, "print_listed", lambda records: None)
    with pytest.raises(AttributeError):  # there are no records, as nothing ran
        main(model, "--level", "smoke")
    assert seen == [model]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rnu", "explicit/mlp"), "No such command 'rnu'. Did you mean 'run'"),
        (("dicsover", "net.py"), "Did you mean 'discover'"),
        (("resnet18",), "No such command 'resnet18'"),
        (("explicit",), "No such command 'explicit'"),
    ],
)
def test_a_word_that_names_no_model_is_a_mistyped_command(main, words, told):
    assert told in main(*words, expect=2).stderr


def test_a_command_is_one_whatever_files_are_called(main, tmp_path):
    for name in ("sweep", "weights"):
        (tmp_path / name).write_text("")
    assert "Missing argument" in main("sweep", expect=2).stderr
    assert "it is" not in main("weight", expect=2).stderr
    assert "the file is empty" in main("weights", expect=2).stderr


@pytest.mark.parametrize(
    ("text", "models"),
    [
        ("two.py::aa,bb", ["two.py::aa", "two.py::bb"]),
        ("two.py::aa,bb,aa", ["two.py::aa", "two.py::bb"]),
        ("two.py::aa,bb,explicit/mlp,two.py", ["two.py::aa", "two.py::bb", "explicit/mlp", "two.py"]),
        ("*.py::aa,bb", ["one.py::aa", "one.py::bb", "two.py::aa", "two.py::bb"]),
    ],
)
def test_several_hashes_behind_a_script_are_as_many_models(monkeypatch, tmp_path, text, models):
    monkeypatch.chdir(tmp_path)
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text("")
    assert [model for value in values_of("model", text) for model in select(value)] == models


def test_only_of_a_script_a_model_is_picked(planned):
    with pytest.raises(UserError, match="picks one of those that a script calls"):
        planned(model="net.onnx::479b1332")


def test_a_package_that_is_not_installed_is_skipped_whatever_else_is_asked(planned):
    plan = planned(model=["package:no_such_one/net.onnx", "explicit/mlp"], exporter=["onnx_dynamo"], seq_length=[None])
    assert [p.status for p in plan.trials] == ["skipped", ""]
    assert "the package 'no_such_one' is not installed" in plan.trials[0].reason
    assert planned(model="package:no_such_one/net.py").trials[0].status == "skipped"


@pytest.mark.parametrize("parameter", ["runtime", "exporter", "opt_patterns"])
def test_a_plugin_of_ones_own_that_misses_a_package_is_skipped(planned, tmp_path, parameter):
    file = tmp_path / "own.py"
    file.write_text("import no_such_package\n")
    (one,) = planned(model="explicit/mlp", **{parameter: f"{file}:own"}).trials
    assert one.status == "skipped" and "needs the package no_such_package, which is not installed" in one.reason
    file.write_text("raise ValueError('no')\n")
    with pytest.raises(UserError, match="ValueError: no"):
        planned(model="explicit/mlp", **{parameter: f"{file}:own"})


@pytest.mark.process
@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("import no_such_package", "skipped", "net.py:1 needs the package no_such_package, which is not installed"),
        ("import torch\nassert 0, 'Torch not compiled with CUDA enabled'", "skipped", "a CUDA device is asked for"),
        ("raise ValueError('no')", "", ""),
    ],
)
def test_what_a_script_misses_is_told_by_the_plan(planned, tmp_path, text, status, told):
    (tmp_path / "net.py").write_text(text)
    (one,) = planned(model=str(tmp_path / "net.py")).trials
    assert one.status == status and told in one.reason
    if status:
        trial = SimpleNamespace(**one.trial.model_dump())
        for name in ("net.py", "net.py::479b1332"):
            with pytest.raises(Unavailable, match=told):
                scripts.load(str(tmp_path / name), trial)


@pytest.mark.process
def test_a_command_line_that_a_script_lacks_is_told_with_the_way_out(tmp_path):
    (tmp_path / "net.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--width', required=True)\np.parse_args()\n"
    )
    found = scripts.discovered(tmp_path / "net.py", make({"model": str(tmp_path / "net.py")}))
    assert found.ended.startswith(
        "net.py: its command line: the following arguments are required: --width (script_args"
    )


def test_a_kernel_that_onnxruntime_lacks_is_told_by_operator_and_dtype(tmp_path):
    for kind, told in (
        (
            TensorProto.BFLOAT16,
            "has no kernel for Add of bfloat16 on the CPUExecutionProvider.*give the file in float32",
        ),
        (TensorProto.FLOAT8E4M3FN, r"has no Add of float8e4m3fn \(input x of node 'n'\).*give the file in float32"),
    ):
        onnx.save(graph(kind), tmp_path / "net.onnx")
        with pytest.raises(Refused, match=told):
            runtimes.get("onnxruntime").open(OpenRequest(str(tmp_path / "net.onnx"), "onnx", threads=1))


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (None, "returns no tensor, but None"),
        ("yes", "returns no tensor, but str"),
        (3, "returns no tensor, but int"),
        ([], "returns no tensor, but list"),
        ({"n": 1}, "returns no tensor, but dict"),
        (object(), "returns no tensor, but object"),
    ],
)
def test_a_model_that_returns_no_tensor_is_told(returned, told):
    class Answers(torch.nn.Module):
        def forward(self, x):
            return returned

    with pytest.raises(UserError, match=f"{told}.*: let it return tensors"):
        _work.work_of(LoadedModel({"x": torch.ones(1)}, Answers()))


def loaded(source, path, **more):
    trial = make({"model": str(path), **more})
    return source.load(str(path), SimpleNamespace(**trial.model_dump()))


def test_the_files_of_torch_load_with_their_inputs(files):
    drawn = loaded(torchscript_file, files / "net.pt", shapes=[[5, 4]])
    given = loaded(torchscript_file, files / "net.pt", inputs=str(files / "given.npz"))
    exported = loaded(exported_file, files / "net.pt2")
    assert [tuple(m.inputs["x"].shape) for m in (drawn, given, exported)] == [(5, 4), (2, 4), (3, 4)]
    assert [m.facts["items"] for m in (drawn, given, exported)] == [5, 2, 3]
    assert [m.facts["params_size"] for m in (drawn, given, exported)] == [10, 10, 10]
    assert drawn.redraw is not None and not torch.equal(drawn.redraw(1)["x"], drawn.inputs["x"])
    for model in (drawn, given, exported):
        assert model.call().shape[1] == 2
    with pytest.raises(UserError, match=r"batch_size 7: the inputs of net\.pt2 hold 3 items"):
        loaded(exported_file, files / "net.pt2", batch_size=7)


class Pixels(torch.nn.Module):
    def __init__(self, side):
        super().__init__()
        self.conv, self.head = torch.nn.Conv2d(3, 2, 3, padding=1), torch.nn.Linear(2 * side * side, 5)

    def forward(self, image):
        return self.head(self.conv((image - 0.5) / 0.2).flatten(1))


class Words(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.head = torch.nn.Embedding(30, 8), torch.nn.Linear(8, 5)

    def forward(self, ids):
        return self.head(self.words(ids).mean(1))


class Sum(torch.nn.Module):
    def forward(self, a, b):
        return a + b


@pytest.mark.parametrize(
    ("module", "example", "sizes", "shape"),
    [
        (Pixels(224), (1, 3, 224, 224), {}, (1, 3, 224, 224)),
        (Pixels(28), (1, 3, 28, 28), {"batch_size": 4}, (4, 3, 28, 28)),
        (torch.nn.Conv2d(4, 2, 3, groups=2), (1, 4, 9, 9), {"height": 20, "width": 10}, (1, 4, 20, 10)),
        (torch.nn.Conv1d(1, 2, 9), (1, 1, 99), {}, (1, 1, 128)),
        (torch.nn.Sequential(torch.nn.LayerNorm(6), torch.nn.Linear(6, 2)), (1, 6), {"batch_size": 2}, (2, 6)),
    ],
)
@pytest.mark.parametrize("way", ["traced", "scripted"])
def test_the_code_of_a_torchscript_file_says_how_large_its_inputs_are(tmp_path, module, example, sizes, shape, way):
    file, module = tmp_path / "net.pt", module.eval()
    script = torch.jit.script(module) if way == "scripted" else torch.jit.trace(module, torch.ones(example))
    script.save(str(file))
    (tensor,) = loaded(torchscript_file, file, **sizes).inputs.values()
    assert tuple(tensor.shape) == shape and tensor.dtype == torch.float32


def test_of_ids_a_torchscript_file_says_how_many_there_are_and_of_sums_nothing(tmp_path):
    torch.jit.script(Words()).save(str(tmp_path / "words.pt"))
    ids = loaded(torchscript_file, tmp_path / "words.pt", batch_size=2, seq_length=50).inputs["ids"]
    assert ids.shape == (2, 50) and ids.dtype == torch.int64 and 15 < ids.max() < 30
    torch.jit.script(Sum()).save(str(tmp_path / "sum.pt"))
    with pytest.raises(UserError, match="the sizes of a, b are not known: give `shapes:"):
        loaded(torchscript_file, tmp_path / "sum.pt")
    torch.jit.script(Pixels(77)).save(str(tmp_path / "odd.pt"))
    with pytest.raises(UserError, match=r"with no likely size of image it runs .*: give `shapes:"):
        loaded(torchscript_file, tmp_path / "odd.pt")


@pytest.mark.process
def test_every_kind_of_file_runs_with_nothing_but_its_name(command, files):
    done = command(str(files / "net.onnx"), *FAST)
    assert ":status,ok;" in done.stdout and ":exporter,onnx;" in done.stdout
    done = command("run", f"{files}/net.pt", *FAST)
    assert ":status,ok;" in done.stdout and ":exporter,script;" in done.stdout
    done = command(f"{files}/net.pt2", "--exporter", "eager,onnx_dynamo", *FAST)
    assert done.stdout.count(":status,ok;") == 2
