"""The script that holds failed exports against plain calls of torch.onnx.export."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchlib import mistakes
from benchlib.record import Record
from benchlib.registries import sources
from tests.bench import plain_export

sys.path.append(str(Path(__file__).parent / "report"))
from fake_study import make_record, write_plan, write_trial


def asked(model: str, exporter: str, **more) -> dict:
    return mistakes.make({"model": model, "exporter": exporter, **more}).model_dump()


def loaded(name: str, suite: str = "explicit", **more):
    trial = asked(f"{suite}/{name}", "script", **more)
    return sources.get(suite).load(name, SimpleNamespace(**trial))


def with_axes(model, axes):
    return SimpleNamespace(module=model.module, inputs=model.inputs, positional=model.positional, axes=axes)


class Fixed(torch.nn.Module):
    """Keeps the batch of its example as a constant."""

    def forward(self, x):
        return x.reshape(2, -1) if x.shape[0] == 2 else x


@pytest.mark.slow
@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("name", ["mlp", "conv_bn", "tuple_io", "list_io"])
def test_a_plain_call_takes_the_inputs_in_their_nesting(tmp_path, name, dynamo):
    found = plain_export.plain(loaded(name), dynamo, {}, None, tmp_path / "m.onnx")
    assert found["ok"], found
    assert found["said"].endswith(" nodes")


@pytest.mark.slow
@pytest.mark.parametrize("dynamo", [False, True])
def test_free_dimensions_have_to_be_free_in_the_graph(tmp_path, dynamo):
    model = loaded("mlp", batch_size=2)
    (name,) = model.inputs
    found = plain_export.plain(with_axes(model, {}), dynamo, {name: {0: "batch"}}, None, tmp_path / "m.onnx")
    assert found["ok"], found
    fixed = SimpleNamespace(module=Fixed(), inputs={"x": torch.ones(2, 3)}, positional=("x",))
    found = plain_export.plain(fixed, True, {"x": {0: "batch"}}, None, tmp_path / "f.onnx")
    assert not found["ok"]


@pytest.mark.slow
def test_what_plain_torch_refuses_is_told_in_a_line(tmp_path):
    class Branches(torch.nn.Module):
        def forward(self, x):
            return x + 1 if x.sum() > 0 else x - 1

    model = SimpleNamespace(module=Branches(), inputs={"x": torch.ones(2)}, positional=("x",))
    found = plain_export.plain(model, True, {}, None, tmp_path / "m.onnx")
    assert not found["ok"] and "\n" not in found["said"] and found["said"]


def record(name: str, trial: dict, status: str = "ok", stage: str = "") -> Record:
    plain = make_record("resnet18", "script")
    return replace(plain, key=name, name=name, trial=trial, status=status, stage=stage)


def test_ways_that_share_an_export_are_tried_once_and_other_exporters_never():
    script = asked("explicit/mlp", "script")
    records = [
        record("a", script | {"rtopt": "off"}),
        record("b", script, "timeout", "export"),
        record("c", script | {"batch_size": 2}, "failed", "open"),
        record("d", asked("explicit/mlp", "eager"), "failed", "export"),
        record("e", script | {"batch_size": 3}, "refused"),
        record("f", asked("explicit/mlp", "onnx_dynamo") | {"exporter": "onnx_dynamo-fallback"}),
    ]
    exports = plain_export.exports_of(records)
    assert [(e.names, e.failed) for e in exports] == [(("a", "b"), True), (("c",), False), (("f",), False)]
    assert exports[0].title == "explicit/mlp, script, static"


@pytest.fixture
def study(tmp_path, monkeypatch):
    def make(*records: Record) -> str:
        (tmp_path / "s" / "trials").mkdir(parents=True)
        for one in records:
            write_trial(tmp_path / "s", one)
        plan = [{"name": r.name, "key": r.key, **r.trial} for r in records]
        write_plan(tmp_path / "s", {"name": "s", "trials": plan})
        return str(tmp_path / "s")

    monkeypatch.chdir(Path(__file__).parents[1])
    return make


@pytest.mark.process
def test_an_export_that_fails_here_only_is_missed(study, capsys):
    mlp = asked("explicit/mlp", "script")
    folder = study(record("here", mlp, "failed", "export"), record("fine", mlp | {"batch_size": 2}))
    assert plain_export.main([folder]) == 1
    out = capsys.readouterr().out
    assert "MISSED  plain: succeeds  explicit/mlp, script, static" in out and "here\n" in out
    assert "2 exports, of which 1 failed here; of those plain torch.onnx.export fails for 0, succeeds for 1" in out
    assert out.endswith("1 missed\n")


@pytest.mark.process
def test_what_does_not_end_in_time_there_either_is_not_missed(study, capsys):
    slow = asked("explicit/mlp", "onnx_dynamo")
    folder = study(record("slow", slow, "timeout", "export"), record("fast", slow | {"batch_size": 2}))
    assert plain_export.main([folder, "--all", "--timeout", "0.5"]) == 0
    out = capsys.readouterr().out
    assert out.count("plain: fails") == 2 == out.count("did not end within 0.5 s")
    assert "1 were exported here; of those plain torch.onnx.export succeeds for 0 and fails for 1" in out


@pytest.mark.process
def test_what_cannot_be_tried_proves_nothing(study, capsys):
    gone = asked("explicit/mlp", "onnx_dynamo") | {"model": "explicit/no_such_model"}
    assert plain_export.main([study(record("gone", gone, "failed", "export"))]) == 1
    assert "MISSED  plain: unknown" in (out := capsys.readouterr().out) and "does not load" in out


def test_a_folder_that_is_no_study_is_one_line(tmp_path, capsys):
    assert plain_export.main([str(tmp_path)]) == 2
    assert "is no study" in capsys.readouterr().err
