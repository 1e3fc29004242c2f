"""What a judging process sees of a model besides its answers."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchlib.worker.judging import (
    _drawing_functions,
    _generator_states,
    _random_nodes,
    changed_names,
    seed_generators,
    state_of,
)


class Holds(torch.nn.Module):
    """A parameter, a buffer, a tensor and plain values."""

    def __init__(self):
        super().__init__()
        self.part = torch.nn.Linear(2, 2)
        self.register_buffer("last", torch.zeros(3))
        self.kept, self.calls = torch.zeros(2), 0


def change_buffer(module):
    module.last = module.last + 1


def change_buffer_in_place(module):
    module.last.add_(1)


def change_weight(module):
    module.part.weight.data[1, 1] += 1


def change_attribute(module):
    module.kept[0] = 1


def count(module):
    module.calls += 1


@pytest.mark.parametrize(
    "change, name",
    [
        (change_buffer, "buffer `last`"),
        (change_buffer_in_place, "buffer `last`"),
        (change_weight, "parameter `part.weight`"),
        (change_attribute, "attribute `kept`"),
        (count, "attribute `calls`"),
        (lambda module: setattr(module.part, "new", 3), "attribute `part.new`"),
        (lambda module: module.part(torch.zeros(1, 2)), None),
    ],
)
@torch.inference_mode()
def test_what_a_call_leaves_behind_is_named(change, name):
    module = Holds()
    before = state_of(module)
    change(module)
    assert changed_names(before, state_of(module)) == [name][: name is not None]


def test_what_is_no_module_has_no_state():
    assert state_of(None) == {}


@pytest.mark.parametrize(
    "call, names",
    [
        (lambda x: F.dropout(x, 0.5), ["dropout"]),
        (lambda x: torch.nn.Dropout(0.5)(x) + torch.rand_like(x), ["dropout", "rand_like"]),
        (lambda x: x.bernoulli(0.5), ["bernoulli"]),
        (lambda x: torch.randn(3), ["randn"]),
        (lambda x: torch.rand(3, generator=torch.Generator().manual_seed(0)), ["rand"]),
        (lambda x: F.dropout(x, 0.5, training=False), []),
        (lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None]), []),
        (lambda x: torch.nn.functional.rrelu(-x, training=True), ["rrelu"]),
    ],
)
@torch.inference_mode()
def test_what_draws_is_named_as_the_model_calls_it(call, names):
    with _drawing_functions() as found:
        call(torch.ones(4, 8))
    assert list(found) == names


@torch.inference_mode()
def test_what_draws_in_a_scripted_module_is_named_by_its_operator():
    @torch.jit.script
    def scripted(x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)

    with _drawing_functions() as found:
        scripted(torch.ones(4))
    assert list(found) == ["rand_like"]


@pytest.mark.parametrize(
    "draw, name",
    [
        (lambda: torch.rand(1), "torch"),
        (np.random.rand, "numpy.random"),
        (random.random, "Python's random"),
    ],
)
def test_a_generator_that_moved_on_is_noticed_and_begins_anew(draw, name):
    seed_generators(7)
    before = _generator_states()
    first = draw()
    after = _generator_states()
    assert [n for n in before if before[n] != after[n]] == [name]
    seed_generators(7)
    assert _generator_states() == before and draw() == first


def test_random_operators_of_a_graph_are_found_in_its_subgraphs_too(tmp_path):
    from onnx import TensorProto, helper, save

    def output(name: str):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])

    def branch(operator: str):
        node = helper.make_node(operator, ["x"], ["y"])
        return helper.make_graph([node], operator, [], [output("y")])

    choose = helper.make_node(
        "If", ["c"], ["z"], then_branch=branch("RandomNormalLike"), else_branch=branch("Identity")
    )
    inputs = [helper.make_tensor_value_info("c", TensorProto.BOOL, []), output("x")]
    save(helper.make_model(helper.make_graph([choose], "g", inputs, [output("z")])), tmp_path / "m.onnx")
    assert _random_nodes(tmp_path / "m.onnx") == ["RandomNormalLike"]
