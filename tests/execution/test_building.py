"""Whole trials of what a way is built from: shared stages, free shapes, passes, precision, builds of one's own."""

import json

import pytest

from benchlib.execution import journal
from benchlib.mistakes import make
from benchlib.plan.rules import refusal

STUDY = """
defaults: {{level: smoke, until: check, reference: none, timeout: 120}}
name: {name}
title: building
matrix: {matrix}
"""


@pytest.fixture
def swept(tmp_path, command, monkeypatch):
    """Sweeps a study of real models into a folder of its own; its events of trials, and its records by way."""
    from benchlib.record import scrap

    def sweep(name, matrix, *words):
        (tmp_path / f"{name}.yaml").write_text(STUDY.format(name=name, matrix=matrix))
        command("sweep", f"{name}.yaml", *words)
        folder = tmp_path / "outputs" / name
        records, skipped = scrap.read_all(folder / "trials")
        assert not skipped
        return [e for e in journal.events(folder) if e["event"] == "trial"], list(records.values())

    return sweep


def by_way(records):
    return {r.metrics["_index"].partition("-")[2]: r for r in records}


@pytest.mark.process
def test_what_steers_a_compiler_is_a_part_of_what_is_kept(swept, monkeypatch):
    matrix = "{model: [explicit/mlp], exporter: [script]}"
    assert [sum(e["exports"] for e in swept(name, matrix)[0]) for name in ("first", "again")] == [1, 0]
    monkeypatch.setenv("TORCHINDUCTOR_FREEZING", "1")
    assert sum(e["exports"] for e in swept("steered", matrix)[0]) == 1


@pytest.mark.process
def test_a_dynamic_export_serves_other_batches_threads_and_runtimes(swept):
    first, records = swept(
        "first", "{model: [explicit/mlp], exporter: [script, onnx_dynamo], batch_size: [2], dynamic: [true]}"
    )
    assert [e["exports"] for e in first] == [1, 1]
    assert {r.status for r in records} == {"ok"}
    assert all(r.metrics["exported_at"] == "batch 2" for r in records)
    second, records = swept(
        "second",
        "{model: [explicit/mlp], dynamic: [true], batch_size: [9],"
        " exporter: [{exporter: script, num_cores: 1}, {exporter: script, runtime: openvino},"
        " {exporter: onnx_dynamo, runtime: reference}, {exporter: onnx_dynamo}]}",
    )
    assert len(second) == 4
    assert sum(e["exports"] for e in second) == 0
    assert {r.status for r in records} == {"ok"}
    assert all("batch 7" in r.metrics["dynamic_shapes"] for r in records)
    assert all(r.metrics["discrepancies_dynamic_abs"] < 1e-5 for r in records)


@pytest.mark.process
def test_ways_that_begin_alike_export_once(swept):
    events, records = swept(
        "alike", "{model: [explicit/conv_bn], opt_patterns: ['', ort, ort+fp16, fp16, int8-dynamic]}"
    )
    assert [e["exports"] for e in events] == [1, 0, 0, 0, 0]
    found = by_way(records)
    assert [p.name for p in found["onnx_dynamo+ort+fp16"].passes] == ["ort", "fp16"]
    for record in records:
        for step in record.passes:
            assert step.seconds > 0
            assert step.size_before > 0
            assert sum(step.operators_before.values()) == step.nodes_before
            assert sum(step.operators_after.values()) == step.nodes_after
    casts = found["onnx_dynamo+fp16"].passes[0]
    assert casts.operators_after["Cast"] > casts.operators_before.get("Cast", 0)
    assert found["onnx_dynamo+fp16"].metrics["computes"] == "float16"
    assert found["onnx_dynamo+fp16"].metrics["onnx_n_casts"] == casts.operators_after["Cast"]


@pytest.mark.process
def test_unequal_precision_is_timed_and_not_compared(command):
    out = command("run", "explicit/mlp", "--opt-patterns", "fp16", "--level", "smoke").stdout
    fields = dict(line[1:-1].partition(",")[::2] for line in out.splitlines() if line.startswith(":"))
    assert fields["status"] == "ok"
    assert float(fields["time_latency"]) > 0
    assert fields["not_comparable"] == "what is computed in: float32 in eager (0), float16 in onnx_dynamo+fp16 (1)"
    assert "speedup" not in fields or not fields["speedup"]


@pytest.mark.process
def test_what_holds_for_the_shape_of_the_export_alone_is_inaccurate(swept, tmp_path):
    """The planted exporter leaves shapes fixed although it was asked not to."""
    (tmp_path / "fixed.py").write_text(
        "from dataclasses import replace\n"
        "from benchlib.registry import Exporter\n"
        "def export(request):\n"
        "    from benchlib.exporters import script\n"
        "    return script.exporter.export(replace(request, axes={}))\n"
        "fixed = Exporter(name='fixed', summary='shapes stay', packages=('torch',), export=export)\n"
    )
    _, (record,) = swept(
        "fixed", "{model: [explicit/mlp], exporter: ['fixed.py:fixed'], batch_size: [3], dynamic: [true]}"
    )
    assert record.status == "inaccurate"
    assert record.reason.startswith("at shapes that the export has not seen: at batch 1 it fails")


@pytest.mark.process
def test_a_failing_pass_and_a_failing_export_are_told_with_their_stage(swept, tmp_path):
    (tmp_path / "broken.py").write_text(
        "from benchlib.registry import Pass\n"
        "def apply(request):\n    print('began')\n    raise RuntimeError('no such pattern')\n"
        "broken = Pass(name='broken', summary='fails', apply=apply)\n"
        "def sequence():\n    return ['script', 'default', broken]\n"
    )
    _, (record,) = swept("broken", "{model: [explicit/mlp], sequence: [broken.py]}")
    assert (record.status, record.stage) == ("failed", "pass")
    assert record.reason == "no such pattern"


@pytest.mark.process
def test_a_build_is_kept_with_its_state_logs_and_examples(tmp_path, command):
    cache = tmp_path / "cache"
    out = command(
        "run",
        "explicit/mlp",
        "--opt-patterns",
        "default",
        "--build-only",
        "--level",
        "smoke",
        "--cache-dir",
        str(cache),
    ).stdout
    fields = dict(line[1:-1].partition(",")[::2] for line in out.splitlines() if line.startswith(":"))
    assert fields["status"] == "ok"
    assert "time_latency" not in fields or not fields["time_latency"]
    folder = cache / "artifacts" / fields["artifact"]
    state = json.loads((folder / "state.json").read_text())
    assert [s["name"] for s in state["facts"]["stages"]] == ["onnx_dynamo", "default"]
    assert {"model.onnx", "inputs.npz", "outputs.npz", "log_default.txt"} <= set(state["files"])
    assert state["facts"]["operators"]


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({"exporter": "eager", "opt_patterns": "ort"}, "passes work on ONNX graphs, and eager leaves none"),
        ({"exporter": "script", "opt_patterns": "ir"}, "pass ir works on what onnx_dynamo leaves, not on what"),
        ({"opt_patterns": "fp16+int8-dynamic"}, "pass fp16 makes the graph compute in float16, and int8-dynamic"),
        ({"opt_patterns": "ort", "runtime": "openvino"}, "runtime openvino lacks the operators of onnxruntime's own"),
        ({"exporter": "jit", "runtime": "onnxruntime"}, "does not open what jit leaves"),
    ],
)
def test_what_cannot_go_together_is_refused_with_the_rule(parameters, rule):
    assert rule in refusal(make({"model": "explicit/mlp", **parameters}))


@pytest.mark.process
def test_a_refused_way_has_its_row_with_the_rule(command):
    out = command("run", "explicit/mlp", "--level", "smoke", "--exporter", "script", "--opt-patterns", "ir").stdout
    assert ":status,refused;" in out
    assert "pass ir works on what" in next(line for line in out.splitlines() if line.startswith(":reason,"))
