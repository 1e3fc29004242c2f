"""What passes are asked to do."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchlib import mistakes, tensors
from benchlib.record.metadata import Artifact, SavedModel
from benchlib.stages.exporting import BuiltArtifact, _Exports
from benchlib.stages.loading import Model
from benchlib.typed_json import from_json
from benchlib.worker import verbs
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import LoadModel
from benchlib.worker.service import Worker


class Asked:
    """Stands for the builder: keeps what it is asked and does none of it."""

    def __init__(self, folder: Path):
        self.log, self.requests = folder / "log.txt", []

    def ask(self, request):
        self.requests.append(request)
        raise WorkerError("refused", "Refused", "not today")


@pytest.fixture
def saved(tmp_path) -> Model:
    trial = mistakes.make({"model": "explicit/mlp"}).model_dump()
    folder = tmp_path / "model"
    folder.mkdir()
    verbs.load_model(Worker(channel=None), LoadModel("explicit", "mlp", trial, folder))
    metadata = from_json(SavedModel, json.loads((folder / "meta.json").read_text()))
    return Model(folder, "k", {}, metadata, False)


def test_a_pass_calibrates_on_sets_that_are_compared_with_nothing(saved, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    trial = mistakes.make({"model": "explicit/mlp", "exporter": "script", "opt_patterns": "int8-static"})
    context = SimpleNamespace(trial=trial, launcher=SimpleNamespace(left=lambda: 60.0))
    builder = Asked(tmp_path)
    before = BuiltArtifact(tmp_path / "model.onnx", Artifact(Path("model.onnx")))
    with pytest.raises(WorkerError):
        _Exports(context, saved, builder)._apply(trial.way, trial.way.passes[0], before)
    inputs = builder.requests[0].inputs
    used = {tensors.content_hash(tensors.load(file)[0]) for file in inputs}
    others = {tensors.content_hash(tensors.load(file)[0]) for file in [saved.inputs, *saved.input_sets.values()]}
    assert len(used) == len(inputs) > 1 and used.isdisjoint(others)
    assert used == set(saved.metadata.calibration)


def test_the_saved_model_says_what_its_sets_are(saved):
    sets = saved.metadata.input_sets
    assert {own.origin for own in sets.values()} == {"drawn", "moved"}
    for number, file in saved.input_sets.items():
        assert tensors.content_hash(tensors.load(file)[0]) == sets[number].hash
        assert sets[number].moves == ["x"] and sets[number].words
