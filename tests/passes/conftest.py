"""Exported graphs that the tests of passes share, and how to pass, run and compare them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchlib import mistakes, tensors
from benchlib.exporters import ExportRequest
from benchlib.models import parse
from benchlib.onnx_facts import onnx_facts
from benchlib.passes import PassRequest
from benchlib.registries import exporters, passes, sources
from benchlib.runtimes._ort_session import feeds
from benchlib.way import passes_of

SMALL = {
    "num_hidden_layers": 2,
    "vocab_size": 1000,
    "hidden_size": 256,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
}
MODELS = {
    "bert": (
        "huggingface/BertForMaskedLM",
        {"batch_size": 2, "seq_length": 16, "model_args": SMALL},
    ),
    "bert_eager": (
        "huggingface/BertForMaskedLM",
        {"batch_size": 2, "seq_length": 16, "model_args": SMALL, "attn_implementation": "eager"},
    ),
    "resnet": ("timm/resnet18", {"batch_size": 2, "height": 64, "width": 64}),
    "conv_bn": ("explicit/conv_bn", {"batch_size": 2}),
}


class Graph:
    """An exported model with its inputs; `passed` is what passes make of it."""

    def __init__(self, file: Path, inputs: Path, facts: dict, folder: Path):
        self.file, self.inputs, self.facts, self.folder = file, inputs, facts, folder
        self.operators = onnx_facts(file)["operators"]
        self.size = onnx_facts(file)["onnx_filesize"]
        self.expected = self.run(file)

    def passed(self, text: str, **pass_args) -> tuple[Path, dict]:
        """The file after the passes of `text`, and the facts of the last one; options by name with underscores."""
        file = self.file
        for n, call in enumerate(passes_of(text)):
            plugin = passes.get(call.name)
            options = {k: o.default for k, o in plugin.options.items()} | pass_args.get(call.name.replace("-", "_"), {})
            target = self.folder / f"{n}-{call.name}.onnx"
            facts = plugin.apply(PassRequest(file, target, options, call.without, (self.inputs,), self.facts))
            file = target
        return file, facts

    def run(self, file: Path) -> np.ndarray:
        """The first output, as the file computes it: onnxruntime changes nothing."""
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        flat, structure = tensors.load(self.inputs)
        given = feeds([i.name for i in session.get_inputs()], tensors.unflatten(structure, flat), flat)
        return session.run(None, given)[0]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    models, files = {}, {}

    def one(key: str, exporter: str) -> tuple:
        folder = tmp_path_factory.mktemp(key)
        if key not in models:
            name, rest = parse(MODELS[key][0])
            models[key] = sources.get(name).load(rest, mistakes.make({"model": MODELS[key][0], **MODELS[key][1]}))
        model = models[key]
        tensors.save(folder / "inputs.npz", model.inputs)
        facts = exporters.get(exporter).export(ExportRequest(model, folder / exporter))
        return Path(facts["file"]), folder / "inputs.npz", model.facts

    def graph(key: str, exporter: str) -> tuple:
        if (key, exporter) not in files:
            files[key, exporter] = one(key, exporter)
        return files[key, exporter]

    return graph


@pytest.fixture
def graph(exported, tmp_path):
    return lambda key, exporter="script": Graph(*exported(key, exporter), tmp_path)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """onnxruntime's tools leave files for debugging in the current folder; passes run in one of their own."""
    monkeypatch.chdir(tmp_path)
