"""Real graphs in 8 and 4 bits, as the passes make them, pass; what is wrong in them is caught."""

from pathlib import Path

import numpy as np
import pytest

from benchlib import mistakes, tensors
from benchlib.accuracy import compare, tolerance_for
from benchlib.exporters import ExportRequest
from benchlib.models import parse
from benchlib.passes import PassRequest
from benchlib.registries import exporters, passes, sources
from benchlib.runtimes._ort_session import feeds

pytestmark = pytest.mark.slow

BERT = {
    "num_hidden_layers": 2,
    "vocab_size": 1000,
    "hidden_size": 256,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
}
MODELS = {
    "BERT": ("huggingface/BertForMaskedLM", {"batch_size": 2, "seq_length": 16, "model_args": BERT}),
    "BERT features": ("huggingface/BertModel", {"batch_size": 2, "seq_length": 16, "model_args": BERT}),
    "BERT two classes": (
        "huggingface/BertForSequenceClassification",
        {"batch_size": 2, "seq_length": 16, "model_args": BERT},
    ),
    "ResNet-18": ("timm/resnet18", {"batch_size": 2, "height": 64, "width": 64}),
}
PASSES = [
    *((name, "int8-dynamic") for name in MODELS),
    *((name, "int4-weights") for name in MODELS if "BERT" in name),
    ("ResNet-18", "int8-static"),
]


def drawn(flat, chance):
    """Other inputs from the range of the recorded ones."""
    found = {}
    for name, array in flat.items():
        if array.dtype.kind == "f":
            found[name] = (chance.normal(size=array.shape) * array.std() + array.mean()).astype(array.dtype)
        else:
            found[name] = chance.integers(0, 1000, array.shape) if name == "input_ids" else array
    return found


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """The exported file, the inputs of four sets and of the calibration, and what the source says of a model."""
    known = {}

    def graph(key):
        if key not in known:
            folder, chance = tmp_path_factory.mktemp("graph"), np.random.default_rng(0)
            name, rest = parse(MODELS[key][0])
            model = sources.get(name).load(rest, mistakes.make({"model": MODELS[key][0], **MODELS[key][1]}))
            tensors.save(folder / "inputs.npz", model.inputs)
            flat, structure = tensors.load(folder / "inputs.npz")
            sets = {n: drawn(flat, chance) if n else flat for n in range(4)}
            calibration = tuple(folder / f"calibrate-{n}.npz" for n in range(3))
            for file in calibration:
                tensors.save(file, tensors.unflatten(structure, drawn(flat, chance)))
            file = Path(exporters.get("script").export(ExportRequest(model, folder / "graph"))["file"])
            known[key] = file, sets, structure, calibration, model.facts
        return known[key]

    return graph


def answers(file, sets, structure):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    inputs = [i.name for i in session.get_inputs()]
    return {
        n: dict(zip(names, session.run(None, feeds(inputs, tensors.unflatten(structure, flat), flat)), strict=True))
        for n, flat in sets.items()
    }


def fewer(outputs, change):
    return {n: {name: change(array.copy()) for name, array in out.items()} for n, out in outputs.items()}


WRONG = {
    "x 1.2": lambda a: a * np.float32(1.2),
    "negated": lambda a: -a,
    "constant": lambda a: np.full_like(a, a.mean()),
    "one item zero": lambda a: np.concatenate([a[:1], 0 * a[1:]]),
    "shuffled": lambda a: a[..., ::-1],
}


@pytest.mark.parametrize(("name", "text"), PASSES)
def test_what_the_passes_make_is_right_and_what_is_wrong_in_it_is_caught(graphs, name, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the quantisers leave files there
    file, sets, structure, calibration, facts = graphs(name)
    step, target = passes.get(text), tmp_path / "quantised.onnx"
    step.apply(PassRequest(file, target, {k: o.default for k, o in step.options.items()}, (), calibration, facts))
    right, found = answers(file, sets, structure), answers(target, sets, structure)
    exact = {n: {k: a.astype(np.float64) for k, a in out.items()} for n, out in right.items()}
    allowed = tolerance_for(step.computes)
    task = "image-classification" if name == "ResNet-18" else ""
    check = compare(found, right, "float32", exact=exact, tolerance=allowed, task=task)
    assert check.equal, check.problem
    assert not check.unverified
    for change, wrong in WRONG.items():
        bad = fewer(found, wrong)
        assert not compare(bad, right, "float32", exact=exact, tolerance=allowed, task=task).equal, change
