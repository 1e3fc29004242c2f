"""Ready ONNX files without given inputs, the whole way from YAML: what a user would send, and what is guessed."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from benchlib import tensors
from benchlib.execution.progress import figures
from benchlib.record import Record
from benchlib.report import collate, summary, tables
from tests.execution.conftest import Study
from tests.models.onnx_text import model_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

WEIGHTS = {"W": np.full((1, 12, 8), 0.1, np.float32), "R": np.full((1, 12, 4), 0.1, np.float32)}
LENGTHS = """g (float[N,T,8] x, int64[N] x_lens) => (float[a,b,c,d] y) {
    t = Transpose<perm=[1,0,2]>(x) l = Cast<to=6>(x_lens) y = GRU<hidden_size=4>(t, W, R, , l) }"""
LABELS = """g (string[N] colour, uint8[N,3,image_height,image_width] image) => (int64[N] y, float[N,3,h,w] z) {
    y = ai.onnx.ml.LabelEncoder<keys_strings=["red","green"], values_int64s=[1,2]>(colour) z = Cast<to=1>(image) }"""
GUESSED = "g (int64[3] k, float[N,3] x) => (float[N,3] y) { c = Cast<to=1>(k) y = Mul(x, c) }"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    folder = tmp_path_factory.mktemp("made_up")
    models = {"lengths": model_of(LENGTHS, **WEIGHTS), "labels": model_of(LABELS), "guessed": model_of(GUESSED)}
    sizes = {"lengths": "shapes: {x: [4, 30, 8], x_lens: [4]}", "labels": "batch_size: 3, height: 20, width: 24"}
    lines = []
    for name, model in models.items():
        onnx.save(model, folder / f"{name}.onnx")
        own = f"model: {folder / name}.onnx, tag: {name}, {sizes.get(name, 'batch_size: 2')}"
        lines.append(f"  - {{{own}, exporter: onnx, reference: none}}")
    planted = Study(folder, "include:\n" + "\n".join(lines) + "\n", timeout=60)
    planted.sweep()
    return planted


@pytest.fixture(scope="module")
def records(study) -> dict[str, Record]:
    return study.records()


def test_all_run(records):
    assert {name: record.status for name, record in records.items()} == dict.fromkeys(records, "ok")


def test_lengths_keys_and_pixels_are_those_of_a_user(records):
    lens = tensors.load(records["lengths"].files.inputs)[0]["x_lens"]
    assert lens[0] == 30 and (lens[1:] < 30).all() and (lens >= 1).all()
    inputs = tensors.load(records["labels"].files.inputs)[0]
    assert set(inputs["colour"].tolist()) == {"red", "green"}
    assert inputs["image"].shape == (3, 3, 20, 24) and inputs["image"].max() == 255


def test_what_was_guessed_is_told_wherever_the_row_is(study, records):
    said = records["guessed"].metrics["inputs_guessed"]
    assert said.startswith("k int64[3]:") and "`inputs: FILE.npz` with k, x would settle it" in said
    assert not records["lengths"].metrics["inputs_guessed"] and not records["labels"].metrics["inputs_guessed"]
    assert "(inputs guessed)" in figures(records["guessed"])
    results = collate(study.outputs)
    assert [line for line in summary(results).splitlines() if said in line]
    assert said in tables.accuracy_table(results.table)
    assert tables.main_table(results.table).count(">inputs guessed<") == 1
