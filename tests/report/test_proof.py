"""The proof of a row says the same about copies, graphs and options as the trial does."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchlib import mistakes, tensors
from benchlib.record import Record, TrialFiles, scrap
from benchlib.record.metrics import Metrics
from benchlib.report import proof as proofs

FILES = {"artifact": "m.onnx", "inputs": "inputs.npz", "outputs": "outputs.npz"}
ON_DEVICE = {"device": "cuda:1", "io": "device"}


@pytest.fixture
def files(tmp_path):
    """b = a + a: the artifact, the inputs and the outputs of a trial, where its record says."""
    values = [[helper.make_tensor_value_info(n, TensorProto.FLOAT, [3])] for n in "ab"]
    graph = helper.make_graph([helper.make_node("Add", ["a", "a"], ["b"])], "g", *values)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "m.onnx")
    a = np.arange(3, dtype=np.float32)
    tensors.save(tmp_path / "inputs.npz", {"a": a})
    tensors.save(tmp_path / "outputs.npz", [a + a])
    (tmp_path / "meta.json").write_text(json.dumps({"positional": ["a"], "import_paths": []}))
    return TrialFiles(**{name: str(tmp_path / file) for name, file in FILES.items()})


@pytest.fixture
def script(files, monkeypatch, tmp_path):
    def write(metrics=(), **parameters):
        trial = mistakes.make({"model": "explicit/mlp", "exporter": "script", **parameters})
        figures = Metrics({"_index": "x", "num_cores": 1, **dict(metrics)})
        record = Record("k", "x", "ok", trial.model_dump(), figures, files=files)
        monkeypatch.setattr(scrap, "read_record", lambda notebook: record)
        text = proofs.proof(tmp_path / "x.ipynb")
        compile(text, "proof.py", "exec")
        assert "import benchlib" not in text
        return text

    return write


def run(text, tmp_path):
    (tmp_path / "proof.py").write_text(text)
    done = subprocess.run([sys.executable, str(tmp_path / "proof.py"), "20"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_runs_without_telemetry(script):
    text = script()
    assert text.index("ORT_DISABLE_TELEMETRY") < text.index("import onnxruntime")


@pytest.mark.process
def test_on_the_host_it_runs_on_arrays(script, tmp_path):
    text = script()
    assert "session.run(None, feed)" in text and "binding" not in text
    assert "largest difference 0" in run(text, tmp_path)


@pytest.mark.process
@pytest.mark.parametrize("way", [{}, {"exporter": "eager"}, {"runtime": "openvino"}, {"runtime": "reference"}])
def test_the_sets_of_inputs_take_turns_as_they_did(script, files, tmp_path, way):
    """Each call is of the next set, beginning with the recorded one: the outputs of the first three calls say so."""
    import torch

    if "exporter" in way:
        torch.save(torch.nn.Identity(), files.artifact)
    for number in (1, 2):
        tensors.save(tmp_path / f"inputs-{number}.npz", {"a": np.full(3, number, np.float32)})
    text = script(**way)
    assert "inputs-1.npz" not in text, "the trial itself had but one"
    text = script(**way, metrics={"input_sets": 3})
    text = text.replace(
        "found = flat(calls[0]())", "found = flat(calls[0]())\nprint([flat(c())[0].tolist() for c in calls])"
    )
    twice = 1 if "exporter" in way else 2
    expected = [[0.0, 1.0 * twice, 2.0 * twice], [1.0 * twice] * 3, [2.0 * twice] * 3]
    assert str(expected) in run(text, tmp_path)


@pytest.mark.process
@pytest.mark.parametrize("graphs", [False, True])
def test_on_the_device_it_binds(script, tmp_path, graphs):
    text = script(**ON_DEVICE, cuda_graphs=graphs)
    options = {"device_id": "1", "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    options |= {"enable_cuda_graph": "1"} if graphs else {}
    assert f"providers=[('CUDAExecutionProvider', {options})]" in text
    assert 'binding.bind_output(output.name, "cuda", 1)' in text
    assert ("bind_ortvalue_output" in text) is graphs and ("gpu_graph_id" in text) is graphs
    # The same script on the CPU provider, where binding works as well.
    here = text.replace('"cuda", 1', '"cpu", 0').replace("CUDAExecutionProvider", "CPUExecutionProvider")
    here = here.replace(str(options), "{}").replace("onnxruntime.preload_dlls()", "")
    assert "largest difference 0" in run(here, tmp_path)


def test_torch_copies_inside_the_call_only_on_the_host(script):
    host = script(device="cuda:1", exporter="eager")
    call = host[host.index("def call") :]
    assert 'x.to("cuda:1")' in call and "x.cpu()" in call and "synchronize" not in call
    device = script(**ON_DEVICE, exporter="eager")
    call = device[device.index("def call") : device.index("found = flat")]
    assert ".to(" not in call and ".cpu()" not in call and "current_stream().synchronize()" in call
    assert 'torch.cuda.set_device("cuda:1")' in device and "CUDAGraph" not in device


def test_torch_replays_a_graph_and_waits(script):
    text = script(**ON_DEVICE, exporter="eager", cuda_graphs=True)
    call = text[text.index("def call") : text.index("found = flat")]
    assert "graph.replay()" in call and "synchronize" in call and "module(" not in call
    assert text.index("with torch.cuda.graph(graph)") < text.index("def call")


def test_torchs_precision_is_that_of_the_trial(script):
    assert 'set_float32_matmul_precision("highest")' in script(exporter="eager")
    text = script(exporter="eager", runtime_args={"allow_tf32": True, "cudnn_benchmark": True})
    assert 'set_float32_matmul_precision("high")' in text
    assert "cudnn.allow_tf32 = True" in text and "cudnn.benchmark = True" in text


@pytest.mark.process
def test_torch_computes_the_same(script, files, tmp_path):
    import torch

    torch.save(torch.nn.Identity(), files.artifact)  # a class that the script can import
    expected = np.arange(3, dtype=np.float32)
    tensors.save(files.outputs, [expected])
    assert "largest difference 0" in run(script(exporter="eager"), tmp_path)


@pytest.mark.process
@pytest.mark.parametrize("runtime", ["openvino", "reference"])
def test_other_runtimes_of_graphs_compute_the_same(script, tmp_path, runtime):
    text = script(runtime=runtime)
    assert "largest difference 0" in run(text, tmp_path)
    if runtime == "openvino":
        assert "'INFERENCE_NUM_THREADS': 1" in text and "'INFERENCE_PRECISION_HINT': 'f32'" in text


def left(kind: str, file: str) -> None:
    """What an exporter for torch leaves of `a + a`."""
    import torch

    class Double(torch.nn.Module):
        def forward(self, a):
            return (a + a,)

    a = torch.arange(3, dtype=torch.float32)
    if kind == "jit":
        torch.jit.trace(Double(), (a,)).save(file)
    else:
        torch.export.save(torch.export.export(Double(), (a,)), file)


@pytest.mark.process
@pytest.mark.parametrize("exporter", ["jit", "export"])
def test_what_torch_reopens_computes_the_same(script, files, tmp_path, exporter):
    files.artifact = str(tmp_path / ("m.pt" if exporter == "jit" else "m.pt2"))
    left(exporter, files.artifact)
    assert "largest difference 0" in run(script(exporter=exporter), tmp_path)


@pytest.mark.parametrize(
    ("exporter", "call"),
    [
        ("compile", "torch.compile(module, backend=\"eager\", **{'fullgraph': True, 'dynamic': False})"),
        ("inductor-partial", "'fullgraph': False"),
    ],
)
def test_what_compiles_is_compiled_alike(script, exporter, call):
    assert call in script(exporter=exporter)


@pytest.mark.process
def test_torch_is_given_objects_and_strides_as_the_trial_was(script, files, tmp_path):
    """The model answers ones where it finds its own class, and the strides and the memory of the user's call."""
    import torch

    from tests import given_classes

    table = torch.arange(24.0).reshape(4, 6)
    inputs = {"batch": given_classes.Batch(table.t(), table[1]), "n": 3}
    tensors.save(files.inputs, inputs)
    tensors.save(files.outputs, [np.ones(3)])
    root = str(Path(given_classes.__file__).parents[1])
    (tmp_path / "meta.json").write_text(json.dumps({"positional": ["batch"], "import_paths": [root]}))
    torch.save(given_classes.LooksAtStrides(), files.artifact)
    assert "largest difference 0" in run(script(exporter="eager"), tmp_path)
