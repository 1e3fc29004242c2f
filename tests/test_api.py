"""The ways in are equal: Python, command line and Papermill; and what a notebook holds is what is timed."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
import torch
import transformers
from nbclient import NotebookClient

import benchlib
from benchlib.errors import ChildDied
from benchlib.execution import journal, store
from benchlib.record import scrap
from benchlib.worker import process

pytestmark = pytest.mark.process

ROOT = Path(__file__).parent.parent
TRIAL = ROOT / "notebooks" / "trial.ipynb"
EXPORTERS = ["eager", "script", "onnx_dynamo"]
PLANTED = {"exporter": "planted", "reference": {"exporter": "planted"}, "level": "smoke"}
REPORT = 'print(json.dumps([[r.status, r.trial["exporter"], r.metrics["model_class"]] for r in records]))'


def execute(cells: list[str], folder: Path) -> list[str]:
    """Runs cells in a kernel, as JupyterLab does; returns what each printed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    client = NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(folder)}})
    client.execute()
    nbformat.write(notebook, folder / "executed.ipynb")
    return ["".join(o["text"] for o in c.outputs if o.output_type == "stream") for c in notebook.cells]


def started(folder: Path) -> int:
    """How many trials have begun in a folder."""
    return sum(event["event"] == "start" for event in journal.events(folder))


def sweeper(folder: Path) -> int:
    """The process that sweeps into a folder, or did last."""
    return int((folder / ".lock").read_text())


def is_running(pid: int) -> bool:
    """Whether a process lives; one that has ended may wait to be collected, where a test before adopts orphans."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120  # seconds: trials of others may hold the host
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextlib.contextmanager
def when(condition: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Acts in a thread, as soon as a condition holds."""

    def wait_and_act() -> None:
        wait_for(condition)
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    yield
    thread.join()


def test_all_ways_in_give_the_same_fields(command, tmp_path):
    results = benchlib.run("explicit/mlp", output=tmp_path / "python", exporter="script", level="smoke")
    command("run", "explicit/mlp", "--exporter", "script", "--level", "smoke")
    (notebook,) = (tmp_path / "outputs" / "run" / "trials").glob("*.ipynb")
    papermill = str(Path(sys.executable).with_name("papermill"))
    words = ("-p", "model", "explicit/mlp", "-p", "exporter", "script", "-p", "level", "smoke")
    subprocess.run([papermill, str(TRIAL), str(tmp_path / "out.ipynb"), *words], check=True, capture_output=True)
    (first,) = results.records
    others = [scrap.read_record(notebook), scrap.read_record(tmp_path / "out.ipynb")]
    assert first.status == "ok"
    for other in others:
        assert (other.key, other.status) == (first.key, "ok"), other.reason
        assert set(other.to_json()) == set(first.to_json()) and set(other.metrics) == set(first.metrics)
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


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (
            {"exportr": 1, "level": "quik", "num_cores": [1, "two"]},
            ["exportr: unknown parameter", "level: 'quik' is none of", "num_cores: input should be"],
        ),
        (  # what shows in combination alone
            {"model": ["explicit/zzz", "explicit/mlp"], "exporter": ["eager", "eager"]},
            ["model 'explicit/zzz': explicit has no such model", "exporter: the same trial twice: model: explicit/mlp"],
        ),
        ({"model": object(), "level": "quik"}, ["model: a object is no model", "level: 'quik' is none of"]),
        ({"model_args": {"sizes": {1, 2}}, "seed": []}, ["model_args: numbers, texts, lists", "seed: an axis without"]),
    ],
)
def test_every_complaint_comes_and_names_what_was_written(tmp_path, words, wanted):
    with pytest.raises(benchlib.UserError) as error:
        benchlib.run(**{"model": "explicit/mlp", "output": tmp_path / "out", **words})
    complaints = error.value.complaints
    assert len(complaints) == len(wanted)
    assert all(c.startswith(w) for c, w in zip(complaints, wanted, strict=True)), complaints
    assert str(error.value) == "\n".join(complaints)
    assert ".yaml" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_wrong_study_is_told_with_its_lines(tmp_path):
    study = tmp_path / "x.yaml"
    study.write_text("defaults: {model: explicit/mlp, level: quik}\nmatrix: {exporter: [onx]}\n")
    with pytest.raises(benchlib.UserError) as error:
        benchlib.sweep(study, tmp_path / "out")
    first, second = error.value.complaints
    assert first.startswith(f"{study}:1: level: 'quik'") and second.startswith(f"{study}:2: unknown exporter 'onx'")
    study.write_text("defaults: {model: explicit/mlp, level: smoke}\n")
    with pytest.raises(benchlib.UserError, match=r"^rerun: 'some' is neither failed nor all$"):
        benchlib.sweep(study, tmp_path / "out", rerun="some")
    with pytest.raises(benchlib.UserError, match="unknown parameter 'exportr'"):
        benchlib.sweep(study, tmp_path / "out", only="exportr=eager")
    assert not (tmp_path / "out").exists()


class Net(torch.nn.Module):
    def forward(self, x):
        return 2 * x


TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 32}


@pytest.mark.parametrize(
    ("model", "words", "models", "batch_size"),
    [
        (Net(), {"inputs": torch.ones(3, 2)}, r"python:Net-\w{8}", 3),
        ([Net(), "explicit/mlp"], {"inputs": {"x": torch.ones(3, 2)}}, r"python:Net-\w{8} explicit/mlp", 3),
        (transformers.BertConfig(**TINY), {}, r"python:BertModel-\w{8}", 1),
        (["explicit/mlp", "explicit/1"], {}, r"explicit/mlp explicit/\w+", 1),
    ],
)
def test_models_of_every_kind_go_to_the_child_by_name(monkeypatch, tmp_path, model, words, models, batch_size):
    orders = []

    def take(order, say):
        orders.append(json.loads(json.dumps(order.to_json())))
        raise KeyboardInterrupt

    monkeypatch.setattr("benchlib.api.carry_out", take)
    with pytest.raises(KeyboardInterrupt):
        benchlib.run(model, tmp_path, **words, runoff=True, exporter=["eager", "script"], reference=["eager", "none"])
    (order,) = orders
    trials = [planned["trial"] for planned in order["plan"]["trials"]]
    assert re.fullmatch(models, " ".join(dict.fromkeys(trial["model"] for trial in trials)))
    assert {trial["batch_size"] for trial in trials} == {batch_size}
    ways = [("eager", "eager"), ("eager", "none"), ("script", "eager"), ("script", "none")]
    assert [(trial["exporter"], trial["reference"]) for trial in trials][:4] == ways
    assert (order["folder"], order["rerun"], order["only"], order["plan"]["runoff"]) == (
        str(tmp_path),
        "all",
        None,
        True,
    )


def test_what_the_child_complains_of_is_a_user_error(tmp_path):
    with store.opened(tmp_path), pytest.raises(benchlib.UserError) as error:
        benchlib.run("planted/plain", tmp_path, **PLANTED)
    assert error.value.complaints == (f"another sweep is writing to {tmp_path} (process {os.getpid()})",)


def test_only_the_trials_of_this_call_come_back(tmp_path, capsys):
    """And none of an earlier one, where this call comes to nothing."""
    results = benchlib.run("planted/plain", tmp_path, seed=[0, 1], **PLANTED)
    assert (results.frame["seed"].tolist(), results.frame["status"].tolist()) == ([0, 1], ["ok", "ok"])
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("2 trials, 2 to run") and said[-1] == f"2 trials = 2 ok, in {tmp_path}"

    results = benchlib.run("planted/plain", tmp_path, seed=2, **PLANTED)
    assert [record.trial["seed"] for record in results.records] == results.frame["seed"].tolist() == [2]
    assert "left out" not in repr(results)

    kill = when(lambda: started(tmp_path) == 4, lambda: os.kill(sweeper(tmp_path), signal.SIGKILL))
    with kill, pytest.raises(ChildDied, match="signal SIGKILL; trials finished before: 0"):
        benchlib.run("planted/plain", tmp_path, seed=2, **PLANTED)


def test_an_interrupt_keeps_what_was_measured_and_a_study_goes_on_from_there(tmp_path, capsys):
    study, out = tmp_path / "two.yaml", tmp_path / "out"
    study.write_text(
        f"defaults: {json.dumps(PLANTED)}\nmatrix: {{model: [planted/plain], seed: [0, 1]}}\nrunoff: false\n"
    )
    interrupt = when(lambda: started(out) == 2, lambda: os.kill(os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us with it ignored
    try:
        with interrupt, pytest.raises(KeyboardInterrupt):
            benchlib.sweep(study, out)
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().out.endswith("interrupted after 1 of 2 trials; what has finished is kept\n")
    assert not Path(f"/proc/{sweeper(out)}").exists()

    results = benchlib.sweep(study, out, only="seed=0")  # done already: the study as it stands
    assert results.frame["status"].tolist() == ["ok", "not run"] and len(results.records) == 1
    assert benchlib.sweep(study, out).frame["status"].tolist() == ["ok", "ok"]
    assert started(out) == 3


def test_nothing_stays_when_the_parent_is_killed(tmp_path):
    # A sweep within a test before may have made this process the one that orphans fall to; a user's is not.
    process._libc.prctl(process._PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    hanging = {**PLANTED, "runtime_args": {"fault": "sleep", "fault_at": 5}}
    code = f"import benchlib\nbenchlib.run('planted/plain', {str(tmp_path)!r}, **{hanging!r})"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    wait_for(lambda: started(tmp_path) == 1)
    pid, key = sweeper(tmp_path), journal.events(tmp_path)[-1]["key"]
    wait_for(lambda: process.marked(key))
    parent.kill()
    parent.wait()
    wait_for(lambda: not is_running(pid) and not process.marked(key))


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
stored, _ = tensors.load(edited.record.files.outputs)
own = model.module(**model.inputs).numpy()
print(json.dumps({"first": first.to_json(), "edited": edited.record.to_json(),
                  "same": bool(abs(next(iter(stored.values())) - own).max() < 1e-5)}))
"""
    replace = """
class Zero(torch.nn.Module):
    def forward(self, x):
        return 0 * x

model = trial.use(Zero())
artifact, session, check, timing = trial.export(), trial.open(), trial.check(), trial.measure()
replaced = trial.record()
print(json.dumps(replaced.record.to_json()))
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
    # Of inputs that were given the items are counted, of a suite `batch_size` says them; of a module its mode is told.
    assert set(edited["metrics"]) == {*first["metrics"], "items", "training_mode"}
    assert found["same"], "the outputs stored are those of the edited module"

    replaced = json.loads(printed[begin + 3])
    assert (replaced["status"], replaced["metrics"]["model_class"]) == ("ok", "Zero")

    last = scrap.read_record(tmp_path / "executed.ipynb")
    assert (last.status, last.trial["batch_size"]) == ("ok", 2)
    assert last.key not in (first["key"], edited["key"], replaced["key"])
