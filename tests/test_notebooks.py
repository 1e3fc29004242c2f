"""The notebooks as files, and the trial notebook as plain Papermill runs it: from the shell, without a driver."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchlib.measure.samples import Samples
from benchlib.record import scrap

pytestmark = pytest.mark.process

ROOT = Path(__file__).parent.parent
TRIAL = ROOT / "notebooks" / "trial.ipynb"
LOGIC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar)
SCRIPT = ("-p", "model", "explicit/mlp", "-p", "exporter", "script", "-p", "level", "smoke")


def code_cells(path: Path) -> list[dict]:
    return [c for c in json.loads(path.read_bytes())["cells"] if c["cell_type"] == "code"]


def outputs(path: Path, kind: str = "") -> list[dict]:
    return [o for c in code_cells(path) for o in c["outputs"] if kind in ("", o["output_type"])]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.name)
def test_a_notebook_is_a_page_of_calls(path):
    kernel = json.loads(path.read_bytes())["metadata"]["kernelspec"]
    assert (kernel["name"], kernel["language"]) == ("python3", "python")
    cells = code_cells(path)
    assert 0 < len(cells) <= 20
    for cell in cells:
        assert cell["outputs"] == [] and cell["execution_count"] is None, cell["id"]
        found = [type(n).__name__ for n in ast.walk(ast.parse("".join(cell["source"]))) if isinstance(n, LOGIC)]
        assert found == [], f"{cell['id']} holds logic"


@pytest.fixture
def papermill(tmp_path):
    """Runs the real command in the repository's root; returns the executed notebook."""

    def run(*words: str, notebook: Path = TRIAL, expect: int = 0) -> Path:
        command = [str(Path(sys.executable).with_name("papermill")), str(notebook), str(tmp_path / "out.ipynb")]
        done = subprocess.run([*command, *words], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == expect, done.stderr
        return tmp_path / "out.ipynb"

    return run


def test_plain_papermill_leaves_a_record_and_the_samples(papermill):
    notebook = papermill(*SCRIPT)
    record = scrap.read_record(notebook)
    assert record.status == "ok" and set(record.steps) == {"load", "export", "open", "check", "measure"}
    samples = Samples.decode(scrap.read(notebook, scrap.SAMPLES))
    assert samples.contenders == ["eager", "script"]
    assert len(samples.counted(1)) == record.metrics["repeat"] > 0


def test_a_failing_export_is_a_record_not_a_traceback(papermill):
    notebook = papermill(
        *("-p", "model", "planted/plain", "-p", "exporter", "planted", "-p", "level", "smoke"),
        *("-y", "exporter_args: {fault: raise}", "-y", "reference: {exporter: planted}"),
    )
    record = scrap.read_record(notebook)
    assert (record.status, record.stage) == ("failed", "export")
    assert record.reason == "this exporter cannot export operator 'Planted' 42"
    assert "RuntimeError" in record.error.traceback
    assert [record.steps[s].outcome for s in ("load", "export", "open", "measure")] == [
        *("ok", "failed", "not reached", "not reached")
    ]
    assert outputs(notebook) and not outputs(notebook, "error")
    with pytest.raises(scrap.NoRecord):
        scrap.read(notebook, scrap.SAMPLES)


def test_a_wrong_value_is_one_line_and_starts_nothing(papermill, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = papermill("-p", "model", "explicit/mlp", "-p", "exporter", "scrpt", expect=1)
    (error,) = outputs(notebook, "error")
    assert error["ename"] == "UserError"
    assert error["traceback"] == ["benchlib: unknown exporter 'scrpt'; did you mean 'script'?"]
    assert not list(tmp_path.glob("cache/*")), "nothing was loaded"
    assert not list(tmp_path.glob("benchlib-*")), "no scratch folder, no socket of a warm server"


def test_a_batch_trial_leaves_its_kernel_light(papermill, tmp_path):
    content = json.loads(TRIAL.read_bytes())
    source = "import sys\nprint(*sorted({name.partition('.')[0] for name in sys.modules}))"
    cell = {"cell_type": "code", "id": "modules", "metadata": {}, "execution_count": None, "outputs": []}
    content["cells"].append({**cell, "source": source})
    template = tmp_path / "with_modules.ipynb"
    template.write_text(json.dumps(content))
    notebook = papermill(*SCRIPT, notebook=template)
    assert scrap.read_record(notebook).status == "ok"
    modules = "".join(outputs(notebook, "stream")[-1]["text"]).split()
    heavy = {"torch", "onnx", "onnxruntime", "onnxscript", "transformers", "timm", "torchvision", "pandas"}
    assert "benchlib" in modules
    assert heavy & set(modules) == set()


def test_a_combination_that_a_rule_refuses_is_a_record_by_hand_too(papermill):
    record = scrap.read_record(
        papermill("-p", "model", "explicit/mlp", "-p", "exporter", "onnx", "-p", "level", "smoke")
    )
    assert (record.status, record.stage) == ("refused", "load")
    assert "starts from an ONNX file" in record.reason
