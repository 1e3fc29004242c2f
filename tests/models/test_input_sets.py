"""Which sets of inputs a model gets: how many, from where, and all different."""

import numpy as np
import pytest

from benchlib import mistakes, tensors
from benchlib.models import LoadedModel, _input_sets
from benchlib.models._input_sets import CALIBRATING, COMPARED, ENOUGH, TIMED
from benchlib.registries import sources

TINY = {"num_hidden_layers": 1, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32}
CHANCE = np.random.default_rng(0)


def of(inputs, seed=0, **given):
    return _input_sets.of(LoadedModel(inputs, **given), seed)


def timed(found):
    return {n: own for n, own in found.sets.items() if own.origin != "moved"}


def loaded(model, **given):
    asked = mistakes.make({"model": model, "exporter": "eager", **given})
    source, name = asked.source()
    return source.load(name, asked)


def test_a_seed_and_a_number_give_the_same_set_always_and_others_another():
    inputs = {"input_ids": CHANCE.integers(5, 30522, (4, 16))}
    hashes = {(s, n): tensors.content_hash(own.inputs) for s in (0, 1) for n, own in of(inputs, s).sets.items()}
    assert len(set(hashes.values())) == len(hashes)
    again = {(0, n): tensors.content_hash(own.inputs) for n, own in of(inputs).sets.items()}
    assert again.items() <= hashes.items()


def test_eight_distinct_sets_take_turns_and_moved_ones_are_behind_them():
    inputs = {"x": CHANCE.standard_normal((2, 8)).astype(np.float32)}
    found = of(inputs)
    assert list(timed(found)) == list(range(1, TIMED))
    assert min(n for n, own in found.sets.items() if own.origin == "moved") == TIMED
    hashes = {tensors.content_hash(nested) for nested in (inputs, *(own.inputs for own in found.sets.values()))}
    assert len(hashes) == 1 + len(found.sets)


def test_of_few_orders_each_counts_once():
    found = timed(of({"x": np.array([1, 2, 3])}))  # the first stays, so that there is one other order
    assert [own.inputs["x"].tolist() for own in found.values()] == [[1, 3, 2]]


def test_of_large_inputs_there_are_only_the_sets_to_compare():
    large = CHANCE.standard_normal(ENOUGH // 8)
    found = of({"x": large, "y": np.arange(3.0) + 0.5})
    assert list(timed(found)) == list(range(1, COMPARED + 1))
    assert len(found.sets) - COMPARED == 5 and len(found.calibrating) == 1


def test_the_nesting_stays_and_its_numbers_are_named():
    inputs = {"x": (CHANCE.normal(size=(1, 9)), None, 3), "flag": True, "sr": np.array(16000), "t": np.array(0.5)}
    found = of(inputs)
    for own in found.sets.values():
        assert own.inputs["x"][1:] == (None, 3) and own.inputs["flag"] is True and own.inputs["sr"] == 16000
    assert found.fixed_numbers == ["x_2", "flag", "sr"]
    assert not any("sr" in own.moves for own in found.sets.values())


def test_each_set_says_which_inputs_it_moves_and_how():
    found = of({"x": CHANCE.standard_normal((2, 8)), "mask": np.ones((2, 8), np.int64)}).sets
    alone = {own.words: own.moves for own in found.values() if own.origin == "moved" and len(own.moves) == 1}
    assert alone == {"x: redrawn with the same mean and spread": ["x"], "mask: tail cut": ["mask"]}
    assert found[TIMED].words == "x × 0.3; mask: tail cut" and found[TIMED].moves == ["x", "mask"]
    beyond = {own.words: own.beyond for own in found.values() if own.origin == "moved"}
    assert beyond["x × 3; mask: tail cut"] == ["x", "mask"] and beyond["x × 0.3; mask: tail cut"] == ["mask"]
    assert all(own.beyond == [] for own in found.values() if own.origin == "permuted")


def test_what_can_be_drawn_again_is_drawn_and_never_permuted():
    model = LoadedModel(
        {"x": np.zeros((2, 3))}, redraw=lambda seed: {"x": np.random.default_rng(seed).normal(size=(2, 3))}
    )
    found = _input_sets.of(model, 0)
    assert [own.origin for own in timed(found).values()] == ["drawn"] * (TIMED - 1)
    sums = {round(float(own.inputs["x"].sum()), 6) for own in timed(found).values()}
    assert len(sums) == TIMED - 1


@pytest.mark.parametrize(
    "redraw",
    [
        lambda seed: {"x": np.arange(8.0)},  # the recorded one again
        lambda seed: {"x": np.arange(seed % 8 + 9.0)},  # another shape
        lambda seed: {"x": np.arange(8, dtype=np.float32) * seed},  # another dtype
        lambda seed: {"y": np.arange(8.0) * seed},
        lambda seed: {"x": (np.arange(8.0) * seed,)},
        lambda seed: 1 / 0,
    ],
)
def test_a_draw_that_is_none_of_the_models_does_not_count(redraw):
    found = _input_sets.of(LoadedModel({"x": np.arange(8.0)}, redraw=redraw), 0)
    assert {own.origin for own in found.sets.values()} == {"permuted", "moved"}


def test_sets_that_were_given_come_first():
    given = tuple({"x": CHANCE.normal(size=8)} for _ in range(3))
    found = of({"x": CHANCE.normal(size=8)}, more=given)
    assert [own.origin for own in timed(found).values()] == ["given"] * 3 + ["permuted"] * 4
    assert np.array_equal(found.sets[2].inputs["x"], given[1]["x"]) and found.sets[2].moves == ["x"]


@pytest.mark.parametrize("inputs", [
    {"x": np.arange(12.0).reshape(3, 4)},
    {"input_ids": np.arange(4)[None]},  # all its orders are taken by those that are timed and compared
    {"t": np.array(0.5)},
])  # fmt: skip
def test_sets_to_calibrate_on_are_none_of_the_others(inputs):
    found = of(inputs)
    known = {tensors.content_hash(nested) for nested in (inputs, *(own.inputs for own in found.sets.values()))}
    own = [tensors.content_hash(own.inputs) for own in found.calibrating]
    assert 1 <= len(own) == len(set(own)) <= CALIBRATING
    assert known.isdisjoint(own) or "t" in inputs  # a lone number has no other value that is within its range


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("huggingface/BertForMaskedLM", {"model_args": TINY, "batch_size": 4, "seq_length": 16}),
        (
            "huggingface/T5ForConditionalGeneration",
            {"model_args": {"d_model": 16, "d_kv": 8, "num_heads": 2, "num_layers": 1}, "batch_size": 3},
        ),
        ("graph_convolutions/gcnconv", {"model_args": {"num_nodes": 50, "num_edges": 80}}),
        ("explicit/tuple_io", {"batch_size": 2}),
        ("selftest/linear", {}),
    ],
)  # fmt: skip
def test_sources_draw_their_inputs_again(model, given):
    """Other values, and of texts other lengths, which the model's own eager takes."""
    found = loaded(model, **given)
    sets = timed(_input_sets.of(found, 0))
    assert {own.origin for own in sets.values()} == {"drawn"} and len(sets) >= COMPARED
    for own in sets.values():
        found.inputs = tensors.apply(tensors.to_torch, own.inputs)
        found.call()
    if "attention_mask" in found.inputs:
        lengths = {tuple(own.inputs["attention_mask"].sum(1).tolist()) for own in sets.values()}
        assert len(lengths) > 1 and all(max(own) == own[0] for own in lengths)
        assert len({own.inputs["input_ids"].max() for own in sets.values()}) > 1


def test_a_module_from_python_has_no_others(monkeypatch, tmp_path):
    import torch

    from benchlib.models import python

    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path))
    model = loaded(python.store(torch.nn.Linear(8, 2), torch.randn(2, 8)))
    assert model.redraw is None
    assert {own.origin for own in _input_sets.of(model, 0).sets.values()} == {"permuted", "moved"}


def test_onnx_files_draw_again_what_was_made_up_for_them(tmp_path):
    assert sources.get("onnx_file").gives == "onnx"
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])],
    )
    file = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph), file)
    assert {own.origin for own in timed(_input_sets.of(loaded(str(file)), 0)).values()} == {"drawn"}
