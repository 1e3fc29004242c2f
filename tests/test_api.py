"""The ways in are equal: Python, command line and Papermill; and what a notebook holds is what is timed."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import benchlib
from benchlib.record import scrap

ROOT = Path(__file__).parent.parent
TRIAL = ROOT / "notebooks" / "trial.ipynb"
EXPORTERS = ["eager", "script", "onnx_dynamo"]
REPORT = 'print(json.dumps([[r["status"], r["trial"]["exporter"], r["metrics"]["model_class"]] for r in records]))'


def execute(cells: list[str], folder: Path) -> list[str]:
    """Runs cells in a kernel, as JupyterLab does; returns what each printed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    client = NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(folder)}})
    client.execute()
    nbformat.write(notebook, folder / "executed.ipynb")
    return ["".join(o["text"] for o in c.outputs if o.output_type == "stream") for c in notebook.cells]


def test_all_ways_in_give_the_same_fields(command, tmp_path):
    results = benchlib.run("explicit/mlp", output=tmp_path / "python", exporter="script", level="smoke")
    command("run", "explicit/mlp", "--exporter", "script", "--level", "smoke")
    (notebook,) = (tmp_path / "outputs" / "run" / "trials").glob("*.ipynb")
    papermill = str(Path(sys.executable).with_name("papermill"))
    words = ("-p", "model", "explicit/mlp", "-p", "exporter", "script", "-p", "level", "smoke")
    subprocess.run([papermill, str(TRIAL), str(tmp_path / "out.ipynb"), *words], check=True, capture_output=True)
    (first,) = results.records
    others = [scrap.read(notebook), scrap.read(tmp_path / "out.ipynb")]
    assert first["status"] == "ok"
    for other in others:
        assert (other["key"], other["status"]) == (first["key"], "ok"), other["reason"]
        assert set(other) == set(first) and set(other["metrics"]) == set(first["metrics"])
    assert len(results) == 1 and results.frame["exporter"].tolist() == ["script"]
    assert "script" in repr(results)


def test_wrong_parameters_are_refused_before_anything_starts(tmp_path):
    for words, message in (
        ({"exportr": "script"}, "unknown parameter 'exportr'; did you mean 'exporter'"),
        ({"exporter": ["script", "onyx"]}, "unknown exporter 'onyx'"),
    ):
        with pytest.raises(benchlib.UserError, match=message):
            benchlib.run("explicit/mlp", output=tmp_path / "out", **words)
    assert not (tmp_path / "out").exists()


def test_modules_of_a_notebook(tmp_path):
    """A class of a cell, and a module with weight_norm, through three exporters."""
    printed = execute(
        [
            "import json\nimport torch\nfrom torch import nn\nimport benchlib",
            "class Net(nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.mix = nn.Linear(8, 8)\n\n"
            "    def forward(self, x):\n"
            "        return torch.tanh(self.mix(x)) + SHIFT",
            "SHIFT = 0.5\nnormed = nn.utils.parametrizations.weight_norm(nn.Linear(8, 4))",
            "results = benchlib.run(model=[Net(), normed], inputs=torch.ones(2, 8),\n"
            '                       exporter=["eager", "script", "onnx_dynamo"], level="smoke")\nresults',
            "records = results.records\n" + REPORT,
        ],
        tmp_path,
    )
    found = json.loads(printed[-1])
    assert found == [["ok", e, kind] for kind in ("Net", "Linear") for e in EXPORTERS]


def test_a_scripts_class_with_a_helper_beside_it(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    (place / "helper.py").write_text("def scaled(x):\n    return 2 * x\n")
    (place / "script.py").write_text(
        "import json\nimport torch\nimport benchlib\nimport helper\n\n\n"
        "class Net(torch.nn.Module):\n"
        "    def forward(self, scale, x):\n"
        "        return helper.scaled(x) * scale\n\n\n"
        'if __name__ == "__main__":\n'
        "    results = benchlib.run(Net(), inputs=(torch.ones(8), torch.ones(3, 8)), level='smoke',\n"
        f"                           exporter={EXPORTERS})\n"
        f"    records = results.records\n    {REPORT}\n"
    )
    done = subprocess.run(
        [sys.executable, str(place / "script.py")], cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [["ok", e, "Net"] for e in EXPORTERS]


def test_a_trial_by_hand_holds_what_it_measures(tmp_path):
    """One session at the notebook: run all, look, edit the model, use it, change a parameter, run all again."""
    cells = [c.source for c in nbformat.read(TRIAL, 4).cells if c.cell_type == "code"]
    choice = '\nmodel, exporter, level = "explicit/mlp", "script", "smoke"'
    look = """
import json, sys
before = "torch" in sys.modules
kinds = [model.module, artifact.onnx, timing.samples.frame()]
print(json.dumps([before, [[k.__module__.split(".")[0] + "." + k.__name__ for k in type(x).__mro__] for x in kinds]]))
"""
    edit = """
import torch
first = trial.record().record
model.module.down.bias += 1
model = trial.use(model.module)
artifact, session, check, timing = trial.export(), trial.open(), trial.check(), trial.measure()
edited = trial.record()
edited
"""
    compare = """
from benchlib import tensors
stored, _ = tensors.load(edited.record["files"]["outputs"])
own = model.module(**model.inputs).numpy()
print(json.dumps({"first": first, "edited": edited.record,
                  "same": bool(abs(next(iter(stored.values())) - own).max() < 1e-5)}))
"""
    replace = """
class Zero(torch.nn.Module):
    def forward(self, x):
        return 0 * x

model = trial.use(Zero())
artifact, session, check, timing = trial.export(), trial.open(), trial.check(), trial.measure()
replaced = trial.record()
print(json.dumps(replaced.record))
"""
    again = [cells[0] + choice + "\nbatch_size = 2", *cells[1:]]
    printed = execute([cells[0] + choice, *cells[1:], look, edit, compare, replace, *again], tmp_path)
    begin = len(cells)

    torch_before, (module, graph, table) = json.loads(printed[begin])
    assert not torch_before, "torch comes into the kernel when it is asked for"
    assert "torch.Module" in module and graph[0] == "onnx.ModelProto" and table[0] == "pandas.DataFrame"

    found = json.loads(printed[begin + 2])
    first, edited = found["first"], found["edited"]
    assert first["status"] == edited["status"] == "ok"
    assert edited["metrics"]["weights_hash"] != first["metrics"]["weights_hash"]
    assert edited["key"] != first["key"] and edited["metrics"]["artifact"] != first["metrics"]["artifact"]
    assert edited["metrics"]["model_name"] == "mlp"
    assert set(edited["metrics"]) == set(first["metrics"])
    assert found["same"], "the outputs stored are those of the edited module"

    replaced = json.loads(printed[begin + 3])
    assert (replaced["status"], replaced["metrics"]["model_class"]) == ("ok", "Zero")

    last = scrap.read(tmp_path / "executed.ipynb")
    assert (last["status"], last["trial"]["batch_size"]) == ("ok", 2)
    assert last["key"] not in (first["key"], edited["key"], replaced["key"])
