"""What is left of a nesting: a text, and what it says of the objects in it."""

import json

import pytest
import torch

from benchlib import tensors
from benchlib.structures import NONE, SOME
from tests import given_classes as given
from tests.structures.values import HOLDING, X


@pytest.mark.parametrize(
    ("kind", "graph"),
    [("sparse", NONE), ("nested", NONE), ("boxes", NONE), ("a graph", SOME), ("a circle", SOME)],
)
def test_what_graphs_cannot_hold_is_known(kind, graph):
    _, structure = tensors.flatten({"a": HOLDING[kind][0](), "b": given.Batch(X, X)})
    assert list(structure.objects_by(graph)) == ["a"]


def test_a_structure_is_a_text_that_is_the_same_for_the_same_nesting():
    def text(word, number):
        value = {"a": given.Reduced(X, word), "b": {word, "b"}, "c": given.Batch(X, number), "d": torch.device("cpu")}
        return json.dumps(tensors.flatten(value)[1].tree)

    assert text("w", 1) == text("w", 1) and text("w", 1) != text("w", 2) != text("v", 2)


def test_numbers_are_named_wherever_they_stand():
    _, structure = tensors.flatten({"n": 3, "b": given.Batch(X, 4), "l": [True, "x", None, 2.5]})
    assert structure.numbers() == ["n", "b_weight", "b_scale", "l_0", "l_3"]
