"""What a nesting is taken apart into, and what stays out."""

import functools
import sys
import threading
import weakref

import numpy as np
import pytest

from benchlib import tensors
from benchlib.errors import UserError
from benchlib.structures.names import name_of
from tests import given_classes as given
from tests.structures.values import X


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((n for n in range(2)), "a_b is a generator"),
        (threading.Lock(), "a_b is a lock"),
        ([X, threading.Lock()], "a_b_1 is a lock"),
        (functools.partial(print, threading.Lock()), "a_b is a partial"),
        (given.Batch(X, threading.RLock()), "a_b_weight is a RLock"),
        (given.Reduced(X, iter(open(__file__, "rb"))), "a_b is a Reduced"),  # noqa: SIM115
        (sys._getframe(), "a_b is a frame"),
        (weakref.ref(given.Plain(X)), "a_b is a "),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_is_named_with_its_place(value, words):
    with pytest.raises(UserError) as raised:
        tensors.flatten({"a": {"b": value}})
    assert str(raised.value).replace(".", "_").startswith(words) and "\n" not in str(raised.value)


def test_outputs_are_taken_apart_alone(tmp_path):
    class Odd:
        def __init__(self):
            self.logits, self.note = X[:, ::2], "x"

    tensors.save_outputs(tmp_path / "x.npz", {"odd": Odd(), "list": [X]})
    arrays, structure = tensors.load(tmp_path / "x.npz")
    assert list(arrays) == ["odd_logits", "list_0"] and structure.dumped() == b""
    assert arrays["odd_logits"].flags.c_contiguous and np.array_equal(arrays["odd_logits"], X[:, ::2].numpy())


def test_a_deep_nesting_is_flat(tmp_path):
    nested = X
    for depth in range(50):
        nested = [nested] if depth % 2 else {"a": nested}
    assert len(tensors.leaves_of(nested)) == 1
    assert name_of(("", "1"), {}) == "x_1"
