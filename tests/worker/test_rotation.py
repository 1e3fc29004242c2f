"""Sets of inputs in their buffers: which call is on which set, whatever moved meanwhile."""

from itertools import islice, pairwise

import numpy as np
import pytest

from benchlib.tensors import labelled
from benchlib.worker.rotation import EXCHANGED_AT_ONCE, Rotation, are_exchangeable


def buffers_of(count, size=6):
    return [{"a": np.full((2, size), n, np.float32), "b": np.array([n, n])} for n in range(count)]


def rotation_of(buffers, **options):
    """Calls that say which set they find in their buffer, and where that lies."""

    def call(buffer):
        def read():
            (found,) = {*buffer["a"].ravel().tolist(), *buffer["b"].ravel().tolist()}
            return int(found), buffer["a"].__array_interface__["data"][0]

        return read

    return Rotation([call(buffer) for buffer in buffers], buffers, **options)


def in_turn(rotation, begin, count):
    return [call() for call in islice(rotation.calls_from(begin), count)]


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_each_call_is_on_the_set_that_it_is_said_to_be_on_wherever_that_lies(count):
    rotation = rotation_of(buffers_of(count))
    for round_ in range(40):
        rotation.exchange(round_)
        sets = [found for found, _ in in_turn(rotation, round_, 2 * count + 1)]
        assert sets == [(round_ + n) % count for n in range(2 * count + 1)]
        assert [rotation.call_on(n)()[0] for n in range(count)] == list(range(count))


@pytest.mark.parametrize("count", [2, 3, 8])
@pytest.mark.parametrize("offset", [0, 1, -1])
def test_no_place_in_a_block_finds_its_set_always_where_it_was(count, offset):
    """A memory by address, filled before the first exchange, answers wrongly at the first call, at the second, and at
    the last of blocks that go round whole."""
    rotation = rotation_of(buffers_of(count))
    home = {found: address for found, address in in_turn(rotation, 0, count)}
    away = 0
    for round_ in range(3 * count):
        rotation.exchange(round_)
        found, address = in_turn(rotation, round_, count)[offset % count]
        away += home[found] != address
    assert away >= count


def test_large_sets_change_places_at_first_and_then_now_and_then():
    rotation = rotation_of(buffers_of(2, size=2 * EXCHANGED_AT_ONCE // 8))
    places = []
    for round_ in range(7):
        rotation.exchange(round_)
        places.append(rotation.call_on(0)()[1])
    changes = [n for n, (one, two) in enumerate(pairwise(places), 1) if one != two]
    assert changes == [3, 6]


def overlapping():
    whole = np.zeros(10, np.float32)
    return [{"a": whole[:6]}, {"a": whole[4:]}]


def read_only():
    array = np.zeros(4)
    array.flags.writeable = False
    return [{"a": array}, {"a": np.zeros(4)}]


@pytest.mark.parametrize(
    "buffers",
    [
        [],
        [{"a": np.zeros(4)}, {"a": np.zeros(5)}],
        [{"a": np.zeros(4)}, {"a": np.zeros(4, np.float32)}],
        [{"a": np.zeros(4, np.uint16)}, {"a": labelled(np.zeros(4, np.uint16), "bfloat16")}],
        [{"a": np.zeros(4)}, {"b": np.zeros(4)}],
        overlapping(),
        read_only(),
    ],
)
def test_what_cannot_be_exchanged_stays_where_it_is(buffers):
    assert not are_exchangeable(buffers)
    rotation = Rotation([lambda n=n: n for n in range(2)], buffers)
    rotation.exchange(0)
    rotation.exchange(1)
    assert [call() for call in islice(rotation.calls_from(1), 4)] == [1, 0, 1, 0]


@pytest.mark.parametrize("of", [lambda n: np.full((4, 4), n, order="F"), lambda n: np.full((8, 4), n)[::2]])
def test_inputs_with_strides_of_their_own_change_places(of):
    buffers = [{"a": of(n)} for n in range(2)]
    strides = buffers[0]["a"].strides
    rotation = Rotation([lambda buffer=buffer: int(buffer["a"][0, 0]) for buffer in buffers], buffers)
    rotation.exchange(0)
    assert (buffers[0]["a"] == 1).all() and (buffers[1]["a"] == 0).all()
    assert [rotation.call_on(n)() for n in range(2)] == [0, 1]
    assert {buffer["a"].strides for buffer in buffers} == {strides}


def test_inputs_are_given_afresh_before_each_call_wherever_they_lie():
    buffers = buffers_of(3)
    pristine = buffers_of(3)
    rotation = rotation_of(buffers, pristine=pristine)
    for round_ in range(9):
        rotation.exchange(round_)
        calls = rotation.calls_from(round_)
        for step in range(5):
            call = next(calls)
            assert call()[0] == (round_ + step) % 3
            for buffer in buffers:
                buffer["a"][:], buffer["b"][:] = -1, -1  # whatever a model leaves behind
