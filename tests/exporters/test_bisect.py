"""The smallest part of a model that fails to export."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from benchlib import tensors
from benchlib.exporters import ExportRequest
from benchlib.exporters._bisect import smallest_failing
from benchlib.models import LoadedModel, _saved
from benchlib.record.metadata import SavedModel
from benchlib.registries import exporters
from benchlib.typed_json import to_json
from benchlib.worker.client import WorkerError, start_fresh
from benchlib.worker.messages import ExplainFailure, ExportModel

pytestmark = pytest.mark.slow


class OnValue(nn.Module):
    """A branch on a value, which torch.export cannot follow."""

    def forward(self, x, scale):
        return x * scale["by"] if x.sum() > 0 else x


class NoSymbol(nn.Module):
    """An operator without ONNX symbol in the exporter that traces."""

    def forward(self, x, scale):
        return torch.linalg.pinv(x) * scale["by"]


class Block(nn.Module):
    def __init__(self, leaf):
        super().__init__()
        self.first, self.unused, self.leaf = nn.Linear(4, 4), OnValue(), leaf

    def forward(self, x, scale):
        return self.leaf(torch.relu_(self.first(x)), scale=scale)


class Tree(nn.Module):
    """Three levels; blocks in a list, which is a module that nobody calls."""

    def __init__(self, leaf):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.ReLU()), Block(leaf)])

    def forward(self, x):
        return self.blocks[1](self.blocks[0](x), {"by": 2.0})


def tree(leaf) -> LoadedModel:
    return LoadedModel(inputs={"x": torch.rand(4, 4)}, module=Tree(leaf).eval())


def exporting(name: str, folder: Path):
    return lambda model: exporters.get(name).export(ExportRequest(model, folder / "part"))


@pytest.mark.parametrize("exporter, leaf", [("onnx_dynamo", OnValue()), ("script", NoSymbol()), ("export", OnValue())])
def test_it_finds_the_leaf(tmp_path, exporter, leaf):
    model = tree(leaf)
    found = smallest_failing(model, exporting(exporter, tmp_path), seconds=60)
    assert (found.path, found.class_name) == ("blocks.1.leaf", type(leaf).__name__)
    assert found.complete and found.tried == 5  # the whole, blocks.0, blocks.1, its first, its leaf
    assert found.message and "\n" not in found.message
    with pytest.raises(Exception) as failure:
        exporting(exporter, tmp_path)(LoadedModel(inputs={"x": torch.rand(4, 4), "scale": {"by": 2.0}}, module=leaf))
    assert found.exception == type(failure.value).__name__
    assert not any(module._forward_pre_hooks for module in model.module.modules()), "no hook is left behind"


def test_it_stops_when_the_time_is_up_and_says_so(tmp_path):
    found = smallest_failing(tree(OnValue()), exporting("export", tmp_path), seconds=0)
    assert (found.path, found.class_name, found.complete, found.tried) == ("", "Tree", False, 1)


def test_a_model_that_exports_has_no_failing_part(tmp_path):
    assert smallest_failing(tree(nn.Bilinear(4, 4, 4)), lambda model: None, seconds=60) is None


def test_a_failure_of_another_kind_is_none_of_it(tmp_path):
    def export(model):
        raise KeyError("whole") if isinstance(model.module, Tree) else OSError("part")

    found = smallest_failing(tree(OnValue()), export, seconds=60)
    assert (found.path, found.exception, found.tried) == ("", "KeyError", 3)


def test_a_worker_explains_it(tmp_path):
    model = tree(OnValue())
    _saved.save(model.module, tmp_path / "model.pt")
    tensors.save(tmp_path / "inputs.npz", model.inputs)
    saved = SavedModel((), {}, {}, input_hash="", import_paths=[str(Path(__file__).parent)])
    (tmp_path / "meta.json").write_text(json.dumps(to_json(saved)))
    export = ExportModel("export", tmp_path, tmp_path / "part")
    worker = start_fresh("0123456789abcdef", tmp_path / "log", {}, tmp_path, threads=1)
    try:
        reply = worker.ask(ExplainFailure(export, seconds=60), 120)
        assert reply.smallest.path == "blocks.1.leaf"
        with pytest.raises(WorkerError, match="eager has no export"):
            worker.ask(ExplainFailure(replace(export, exporter="eager"), seconds=60), 60)
    finally:
        worker.end()
