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
        (given.TwoParts(X, 1), "a_b is a TwoParts, which cannot be stored: TwoParts_"),
        (given.TwoParts(2, 1), "a_b is a TwoParts, which cannot be stored: TwoParts_"),
        ([given.Uncopied()], "a_b_0 is a Uncopied, which cannot be stored: there is one of it"),
        (given.Shapeshifter(), "a_b is a Shapeshifter, which cannot be stored: it comes back as a list"),
        (X.to_mkldnn(), "a_b is a _mkldnn tensor, which cannot be stored: "),
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


def test_a_nesting_that_holds_itself_is_refused():
    inner, outer = [X], {"x": X}
    inner.append(inner)
    outer["again"] = [outer]
    for nesting in (inner, outer):
        for take_apart in (tensors.flatten, tensors.outline):
            with pytest.raises(UserError, match=f"^the value is a {type(nesting).__name__} that holds itself"):
                take_apart(nesting)


def test_outputs_that_nobody_makes_again_need_not_open():
    assert list(tensors.leaves_of({"a": given.TwoParts(X, 1)})) == ["a_0"]
