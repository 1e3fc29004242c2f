"""Moves to the edges: inputs for which a model may have a shorter way.

A shorter way ("no padding: no mask", "nothing negative: no clamp") answers as the longer one does wherever it is taken,
so no usual input tells an export that kept the one from a model that has both. Here are the unusual ones: all zero, all
equal, of one sign, padded at the end, nothing masked, far smaller and far larger; and what lies beside the numbers that
a model was seen to hold its inputs against (`_asked_values`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchlib.models._mask_moves import begins_and_ends
from benchlib.models._moves import InputTensor, Move, rows_of
from benchlib.models._number_moves import scaled

TAIL = 3  # one in so many elements of an item is its tail
STEP = 0.5  # of a number, and at least of 1: so far beside it floating numbers are set
FAR = 10_000  # up to which whole numbers are made ten and a hundred times as large: sizes may be made of them


def _whole(words: str, change: Callable[[np.ndarray], np.ndarray]) -> Move:
    return Move(words, lambda t, _: change(t.numbers))


def _by_rows(words: str, change: Callable[[np.ndarray], np.ndarray]) -> Move:
    """A move of items, which are rows [n, length]."""

    def changed(x: np.ndarray) -> np.ndarray:
        rows, back = rows_of(np.atleast_1d(x))
        return back(change(rows)).reshape(x.shape)

    return _whole(words, changed)


def _with_tail(rows: np.ndarray, value: float) -> np.ndarray:
    length = rows.shape[1]
    is_tail = np.arange(length) >= length - max(1, length // TAIL)
    return np.where(is_tail, np.float64(value), rows)  # a number may be beyond the input's own dtype


def tail_set(value: float) -> Move:
    """The last third of each item becomes a number: what is padded with it."""
    return _by_rows(f"tail set to {value:g}", lambda rows: _with_tail(rows, value))


def set_to(value: float) -> Move:
    """All of it becomes one number."""
    return _whole(f"set to {value:g}", lambda x: np.full(x.shape, np.float64(value)))


def without(value: float) -> Move:
    """Where the number stands, the first one that is another stands."""

    def change(x: np.ndarray) -> np.ndarray:
        others = x[x != value]
        return np.where(x == value, others.reshape(-1)[0], x) if others.size else x

    return _whole(f"without {value:g}", change)


def beside(value: float, sign: int) -> Move:
    """Numbers beyond `value` are brought to it; where there are none, the tail of each item goes there."""
    there = value + sign * _step(value)

    def change(rows: np.ndarray) -> np.ndarray:
        beyond = rows > value if sign > 0 else rows < value
        return np.where(beyond, np.float64(value), rows) if beyond.any() else _with_tail(rows, there)

    return _by_rows(f"some {'above' if sign > 0 else 'below'} {value:g}, or none any more", change)


def _step(value: float) -> float:
    return STEP * max(1.0, abs(value))


def _far(factor: int) -> Move:
    """Whole numbers that are large already stay."""

    def change(x: np.ndarray) -> np.ndarray:
        wide = x.astype(np.float64) if x.dtype.kind in "iu" else x
        return x if x.dtype.kind in "iu" and np.abs(wide).max(initial=0) >= FAR else wide * factor

    return _whole(f"× {factor}", change)


def _other_signs(x: np.ndarray) -> np.ndarray:
    """Of numbers of both signs the magnitudes; those of one sign less half of their greatest, so that both occur."""
    if x.dtype.kind == "c":
        return x
    return np.abs(x) if (x < 0).any() else x - x.max() / 2


def _nothing_masked(x: np.ndarray) -> np.ndarray:
    """What is kept is 1 beside 0, and 0 beside what is added; of yes and no what all items begin with."""
    if x.dtype.kind != "b":
        return np.full_like(x, x.max())
    return np.full_like(x, x.reshape(-1)[0]) if begins_and_ends(x, alike=True) else x


def _masked_by_infinity(rows: np.ndarray) -> np.ndarray:
    return _masked_by(rows, -np.inf)


def _masked_by_the_lowest(rows: np.ndarray) -> np.ndarray:
    return _masked_by(rows, float(np.finfo(rows.dtype).min) if rows.dtype.kind == "f" else 0.0)


def _masked_by(rows: np.ndarray, value: float) -> np.ndarray:
    """Of a mask that is added, zeros beside what masks; of zeros alone the tail masks."""
    if rows.dtype.kind != "f" or rows.max() != 0:
        return rows
    return np.where(rows < 0, value, rows) if rows.any() else _with_tail(rows, value)


def _heads_changed(rows: np.ndarray) -> np.ndarray:
    """The first element of each item becomes its second."""
    changed = rows.copy()
    changed[:, 0] = rows[:, min(1, rows.shape[1] - 1)]
    return changed


def _last_backwards(x: np.ndarray) -> np.ndarray:
    moved = x.copy()
    if x.ndim > 1:
        moved[-1] = moved[-1, ..., ::-1]
    return moved


ZERO, ONE = set_to(0), set_to(1)
EQUAL = _whole("all equal to the first", lambda x: np.full_like(x, x.reshape(-1)[0]))
GREATEST = _whole("all equal to the greatest", lambda x: np.full_like(x, x.max()))
BACKWARDS = _whole("backwards", lambda x: x.reshape(-1)[::-1].reshape(x.shape))
ALIKE = _whole("all items as the first", lambda x: np.broadcast_to(x[:1], x.shape) if x.ndim > 1 else x)
LAST_BACKWARDS = _whole("the last item alone backwards", _last_backwards)
OTHER_SIGNS = _whole("with other signs", _other_signs)
HEADS_CHANGED = _by_rows("other first elements", _heads_changed)
OF_MASKS = (
    _whole("nothing masked", _nothing_masked),
    _by_rows("masked by −inf", _masked_by_infinity),
    _by_rows("masked by the lowest number", _masked_by_the_lowest),
)
OF_ZEROS = (*OF_MASKS[1:], ONE)
OF_WHOLE_NUMBERS = (tail_set(0), tail_set(1), EQUAL, HEADS_CHANGED, ALIKE)
OF_NUMBERS = (ZERO, EQUAL, OTHER_SIGNS, ALIKE, LAST_BACKWARDS)
OF_COUNTS = (GREATEST, ONE, BACKWARDS)
OF_ONE_WHOLE_NUMBER = (ZERO, ONE, _far(10), _far(100), scaled(0.1))
OF_ONE_NUMBER = (ZERO, ONE, _far(10), scaled(0.1), scaled(-1))


def at_asked(t: InputTensor, numbers: tuple[float, ...], odd: bool) -> Iterator[Move]:
    """The moves of an input that the model holds against `numbers`, or looks through for odd ones."""
    kind = t.numbers.dtype.kind
    if kind not in "iuf" or not t.numbers.size:
        return
    first = float(t.numbers.reshape(-1)[0])
    is_one = t.numbers.size == 1 or (kind in "iu" and bool((t.numbers == first).all()))
    for value in numbers:
        step = 1.0 if kind in "iu" else _step(value)
        if is_one:
            yield from (set_to(value), set_to(value + step if first <= value else value - step))
        elif kind in "iu":
            yield from (tail_set(value), without(value))
        else:
            yield from (beside(value, -1), beside(value, 1), tail_set(value))
    if odd and kind == "f":
        yield from (tail_set(np.nan), tail_set(np.inf))


def at_code_numbers(t: InputTensor, numbers: tuple[float, ...]) -> Iterator[Move]:
    """The moves of an input to numbers that the model's code holds: floats a little beyond all of them at once, then
    beyond one each; whole numbers, where they can be, become one each in their first and last place."""
    kind = t.numbers.dtype.kind
    if kind == "f" and t.numbers.size:
        yield from (_beyond(chosen) for chosen in dict.fromkeys([numbers, *((number,) for number in numbers)]))
    elif kind in "iu" and t.numbers.size:
        yield from (_ends_set_to(number) for number in numbers if number >= 0 and number == int(number))


def _beyond(numbers: tuple[float, ...]) -> Move:
    def change(x: np.ndarray) -> np.ndarray:
        changed = x.astype(np.float64).reshape(-1)
        there = [number + np.copysign(_step(number), number) for number in numbers][: changed.size]
        changed[: len(there)] = there
        return changed.reshape(x.shape)

    return _whole(f"begins beyond {', '.join(f'{number:g}' for number in numbers)}", change)


def _ends_set_to(number: float) -> Move:
    def change(x: np.ndarray) -> np.ndarray:
        changed = x.copy().reshape(-1)
        changed[[0, -1]] = int(number)
        return changed.reshape(x.shape)

    return _whole(f"begins and ends with {number:g}", change)
