"""The command line, as a user types it."""

import re
from pathlib import Path

import pytest

import benchlib
from benchlib import cli_answer
from benchlib.record import Record
from benchlib.record.metrics import Metrics

FIELDS = [
    line for line in (Path(__file__).parent / "data" / "torch_bench_fields.txt").read_text().split("\n")
    if line and not line.startswith("#")
]  # fmt: skip
SMOKE = Path(__file__).parents[1] / "params" / "smoke.yaml"
FAST = ("--level", "smoke", "-q")


def fields(text: str) -> dict[str, str]:
    return dict(re.findall(r"^:(\w+),(.*);$", text, re.MULTILINE))


@pytest.mark.process
def test_run_prints_every_field_that_torch_bench_prints(command):
    assert len(FIELDS) == 47
    found = fields(command("run", "explicit/mlp", "--exporter", "script", *FAST).stdout)
    assert set(FIELDS) <= set(found)
    known = {name: found[name] for name in FIELDS if found[name] == ""}
    assert set(known) <= {"capability", "opt_patterns"}  # no GPU here, no passes asked for
    assert found["exporter"] == "script"
    assert found["providers"] == "CPUExecutionProvider"
    assert found["status"] == "ok"
    assert float(found["time_latency"]) > 0
    assert found["device_name"] == found["processor_name"]


def test_a_text_of_several_lines_is_one_field(capsys):
    metrics = Metrics(model_provenance="A paper.\n\nhttps://example.org")
    record = Record("k", "name", "ok", {}, metrics)
    cli_answer.print_fields(record)
    assert capsys.readouterr().out == ":key,k;\n:model_provenance,A paper. https://example.org;\n:status,ok;\n"


@pytest.mark.process
def test_several_values_are_a_matrix(command, tmp_path):
    done = command("run", "explicit/mlp", "--exporter", "eager,script", "--batch-size", "1,4", *FAST)
    assert len(re.findall(r"^:_index,", done.stdout, re.MULTILINE)) == 4
    assert len(list((tmp_path / "outputs" / "run" / "trials").glob("*.ipynb"))) == 4
    assert (tmp_path / "outputs" / "run" / "results.csv").exists()


@pytest.mark.process
def test_what_the_machine_lacks_is_skipped_and_no_error(command, monkeypatch):
    done = command("run", "explicit/mlp", "--exporter", "eager,script", "--device", "cuda", "--level", "smoke")
    if "status,ok" in done.stdout:
        pytest.skip("this machine has a GPU")
    assert done.stdout.count(":status,skipped;") == 2
    assert re.search(r":reason,.*(driver|CUDA|GPU)", done.stdout)
    assert "2 trials = 2 skipped" in done.stderr


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["run", "timmm/resnet18"], "did you mean 'timm'"),
        (["run", "explicit/mpl"], "did you mean 'mlp'"),
        (["run", "no/such/file.onnx"], "there is no such file"),
        (["run", "explicit/mlp", "--exporter", "scirpt"], "did you mean 'script'"),
        (["run", "explicit/mlp", "--batch-size", "x"], "batch_size"),
        (["run", "explicit/mlp", "--exporter-args", "{a: "], "is not a value"),
        (["run", "explicit/mlp", "--exporter-args", "{nothing: 1}"], "unknown option 'nothing'"),
        (["sweep", "missing.yaml"], "there is no study"),
        (["status", "missing"], "unknown study 'missing'"),
        (["report", "missing"], "unknown study 'missing'"),
        (["script", "missing"], "no executed notebook"),
        pytest.param(
            ["run", "resnet18"],
            "names no suite: did you mean timm/resnet18 or torchvision/resnet18",
            marks=pytest.mark.process,  # packages are asked for their names
        ),
        (["sweep", str(SMOKE), "--dry-run", "--only", "exporter=jit"], "exporter is eager, onnx, onnx_dynamo, script"),
        (["sweep", str(SMOKE), "--dry-run", "--only", "exporter=script xyz"], "the trials are called"),
        (["sweep", str(SMOKE), "--dry-run", "--only", "exportr=script"], "did you mean 'exporter'"),
        (["list", "tim"], "did you mean 'timm'"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_2(main, words, wanted):
    done = main(*words, expect=2)
    assert wanted in done.stderr
    assert done.stderr.startswith("benchlib: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_the_version(main):
    assert main("--version").stdout == f"benchlib {benchlib.__version__}\n"


def test_a_name_that_no_notebook_has_is_told_with_one_that_is_alike(main, tmp_path):
    (tmp_path / "outputs" / "run" / "trials").mkdir(parents=True)
    (tmp_path / "outputs" / "run" / "trials" / "mlp-script-16a5cd55.ipynb").write_text("{}")
    for command in ("script", "keep"):
        assert "did you mean 'mlp-script-16a5cd55'?" in main(command, "mlp-scrip-16a5cd5", expect=2).stderr


@pytest.mark.process
def test_an_unknown_option_is_the_usage_and_status_2(command):
    assert "No such option" in command("run", "explicit/mlp", "--exportr", "script", expect=2).stderr


@pytest.mark.process
def test_fail_fast_stops_with_the_whole_traceback(command):
    words = ["--exporter", "planted", "--reference", "{exporter: planted}", "--seed", "1,2,3", *FAST]
    done = command("run", "planted/plain", "--exporter-args", "{fault: raise}", "--fail-fast", *words, expect=1)
    assert done.stdout.count(":status,failed;") == 1
    assert "RuntimeError: this exporter cannot export" in done.stderr


@pytest.mark.process
def test_the_doctor_answers(command):
    text = command("doctor", "--no-calibration").stdout
    for word in (
        "processor",
        "cores",
        "onnxruntime providers",
        "CPUExecutionProvider",
        "C++",
        "load",
        "explicit",
        "noise floor",
    ):
        assert word in text


@pytest.mark.process
def test_script_proves_a_row_without_benchlib(command, tmp_path):
    import subprocess
    import sys

    command("run", "explicit/tuple_io", "--exporter", "eager,script", *FAST)
    for notebook in (tmp_path / "outputs" / "run" / "trials").glob("*.ipynb"):
        file = tmp_path / f"{notebook.stem}.py"
        command("script", str(notebook), "--output", str(file))
        text = file.read_text()
        assert not re.search(r"^\s*(import|from) benchlib", text, re.MULTILINE)
        assert len(text.splitlines()) < 70
        alone = f"import sys; sys.modules['benchlib'] = None; sys.argv[1:] = ['20']; exec(open({str(file)!r}).read())"
        done = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "median of 20 calls" in done.stdout
        found = [float(d) for d in re.findall(r"largest difference (\S+)", done.stdout)]
        assert found
        assert max(found) < 1e-4


@pytest.mark.process
def test_choose_answers_and_leaves_a_study(command, tmp_path):
    """The whole way with real ways of one exporter: those that another runtime opens are the rivals."""
    words = ["explicit/mlp", "--exporter", "script", "--processes", "3", "--duration", "0.2", "--warmup-time", "0.05"]
    words += ["--budget", "60s"]
    done = command("choose", *words)
    assert re.match(r"mlp: (use script( openvino)?, [\d.]+ × as fast as eager|nothing is decided)", done.stdout)
    assert "Believe it? " in done.stdout and "Left out: " in done.stdout
    again = command("choose", *words)
    assert re.search(r"\d trials, 0 to run", again.stderr) and again.stdout == done.stdout
    assert "next: benchlib report outputs/choose" in done.stdout
    swept = command("sweep", "outputs/choose/choose.yaml", "--output", "outputs/choose", "--dry-run")
    assert "= 0 to run" in swept.stdout


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["explicit/mlp", "--budget", "soon"], "--budget: 'soon' is no time; one is written as 90s, 10m or 1h"),
        (["explicit/mlp", "--batch-size", "1,2"], "batch_size: one value is wanted, not 2"),
        (["explicit/mlp", "--where", "speed < 1"], "unknown metric 'speed'"),
        (["explicit/mlp", "--level", "smoke"], "level smoke decides nothing"),
        (["explicit/mlp", "--exporter", "scirpt"], "did you mean 'script'"),
        (["explicit/mpl"], "benchlib: model 'explicit/mpl': explicit has no such model; did you mean 'mlp'"),
        (["timm/Head"], "timm/Head is timm/"),
    ],
)
def test_a_question_that_choose_cannot_answer_is_one_line(main, words, wanted):
    done = main("choose", *words, expect=2)
    assert wanted in done.stderr and len(done.stderr.strip().splitlines()) == 1
