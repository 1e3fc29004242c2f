"""How the numbers of an input are moved: each move takes an input and chance, and gives numbers of the same shape,
which need not differ from the recorded ones. Which input may move how says the table in `_input_kinds`.

Moves work on plain numbers: those of a bfloat16 as float32. What is beyond the input's dtype is cut off afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchlib.models._use import UNKNOWN, Use

FEW = 16  # numbers in a channel below which its mean and spread say nothing
STRUCTURE = 64  # rows, and values, among which tokens that every item has equally often are looked for
VOCABULARY = 1 << 20  # values above the least among which identifiers are drawn at most
ADDITIVE = -1e4  # what a mask of zeros, which is added to scores, holds where it masks: float16 has it too


@dataclass(frozen=True)
class InputTensor:
    """What is known of an input: its flat name in lower case, its numbers (zeros of what is to be made up: `is_blank`),
    its use in an ONNX graph (`_onnx_uses`), and the sizes of the axes of all other inputs, which it may count."""

    name: str
    numbers: np.ndarray
    use: Use = UNKNOWN
    sizes: frozenset[int] = frozenset()
    is_blank: bool = False

    @property
    def role(self) -> str:
        return self.use.role


Moved = Callable[[InputTensor, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Move:
    """A move and its words: "× 0.3"."""

    words: str
    move: Moved

    def said_of(self, name: str) -> str:
        """`image × 0.3`, `attention_mask: tail flipped`."""
        return f"{name} {self.words}" if self.words.startswith(("×", "+", "−")) else f"{name}: {self.words}"


def scaled(factor: float) -> Move:
    """Every number times a factor; whole numbers are rounded."""
    return Move(f"× {factor:g}", lambda t, _: _as_kind(t.numbers * factor, t.numbers))


def stepped(step: int) -> Move:
    """A whole number more or less; what is not negative does not become so."""

    def move(t: InputTensor, _: np.random.Generator) -> np.ndarray:
        numbers = t.numbers.astype(np.int64) + step
        return np.where(t.numbers >= 0, np.maximum(numbers, 0), numbers)

    return Move(f"{'+' if step > 0 else '−'} {abs(step)}", move)


def _turned(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    return ~t.numbers


def _flipped_sign(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    return _with_infinities_of(t.numbers, -t.numbers)


def _inverted(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    """Negated; numbers that are never negative are mirrored within their range, as a negative of a photograph is."""
    if t.numbers.min() < 0:
        return _flipped_sign(t, _)
    return _as_kind(_wide(t.numbers.max()) + _wide(t.numbers.min()) - _wide(t.numbers), t.numbers)


def _between_0_and_1(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    """Stretched or squeezed to that range; what has it already, and whole numbers, to 0 … 1 of their greatest / 2."""
    least, greatest = _wide(t.numbers.min()), _wide(t.numbers.max())
    spread = (_wide(t.numbers) - least) / max(greatest - least, np.finfo(np.float32).tiny)
    return _as_kind(spread, t.numbers)


def _reversed(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    return -t.numbers[..., ::-1] if t.numbers.dtype.kind == "f" else t.numbers[..., ::-1]


def _to_full_loudness(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    """Its peak becomes 1; of what is there already, 0.5."""
    peak = float(np.abs(t.numbers).max())
    return t.numbers * ((0.5 if 0.99 < peak < 1.01 else 1) / max(peak, 1e-30))


def _redrawn(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """Normal-distributed with the mean and the spread of each channel; within the range of numbers that are never
    negative; small where all are zero."""
    x = t.numbers if t.numbers.dtype.kind == "c" else t.numbers.astype(np.float32)
    finite = np.isfinite(x)
    axes = _but_channels(x) if finite.all() else tuple(range(x.ndim))
    mean, spread = (measure(axes, where=finite, keepdims=True) for measure in (x.mean, x.std))
    if not spread.any():
        spread = np.full_like(spread, 0.1 * (np.abs(mean).max() or 1))
    noise = chance.standard_normal(x.shape, np.float32)
    if x.dtype.kind == "c":
        return mean + spread * (noise + 1j * chance.standard_normal(x.shape, np.float32)) / 2**0.5
    drawn = _with_infinities_of(x, mean + spread * noise)
    return np.clip(drawn, x.min(), x.max()) if x.min() >= 0 and x.max() > x.min() else drawn


def _redrawn_and_shifted(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    drawn = _redrawn(t, chance)
    return drawn + drawn[np.isfinite(drawn)].std()


def _with_infinities_of(x: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """What is infinite, or no number, is so on purpose: it stays."""
    return np.where(np.isfinite(x), moved, x)


def _but_channels(x: np.ndarray) -> tuple[int, ...]:
    """The axes over which a channel's numbers lie: all but 1 of four and more, all but the last of two and three."""
    channel = 1 if x.ndim >= 4 else x.ndim - 1
    own = tuple(axis for axis in range(x.ndim) if axis != channel)
    enough = x.ndim > 1 and x.size // x.shape[channel] >= FEW
    return own if enough else tuple(range(x.ndim))


def _cut_tail(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """Of each item between a quarter and a half of what begins it goes over to the other value; one element stays."""
    rows, back = rows_of(t.numbers)
    own = _prefix(rows)
    shorter = own - np.ceil(own * chance.uniform(0.25, 0.5)).astype(np.int64)
    place = np.arange(rows.shape[1])
    tail = (place >= np.maximum(shorter, 1)[:, None]) & (place < own[:, None])
    return back(np.where(tail, _other(rows), rows))


def _flip_tail(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """The last elements of each item become the other value each, save where all of the item would be masked."""
    rows, back = rows_of(t.numbers)
    length = rows.shape[1]
    count = int(np.clip(round(length * chance.uniform(0.25, 0.5)), 1, length - 1))
    flipped = np.where(np.arange(length) >= length - count, _other(rows), rows)
    masked = (flipped == flipped[:, :1]).all(1) & (rows != rows[:, :1]).any(1)
    return back(np.where(masked[:, None], rows, flipped))


def _permuted_in_items(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """Each item in an order of its own; of three elements and more the first stays."""
    rows, back = rows_of(t.numbers)
    first = int(rows.shape[1] > 2)
    return back(np.concatenate([rows[:, :first], chance.permuted(rows[:, first:], axis=1)], axis=1))


def _permuted_together(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """All items in one order along the last axis; of three elements and more the first stays."""
    return np.take(t.numbers, _order(t.numbers.shape[-1], chance), -1)


def _tuples_permuted(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """All items in one order along the last axis but one, so that what stands along the last stays together."""
    return np.take(t.numbers, _order(t.numbers.shape[-2], chance), -2)


def _pairs_permuted(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    axis = _axis_of_pairs(t.numbers)
    return np.take(t.numbers, chance.permutation(t.numbers.shape[1 - axis]), 1 - axis)


def _ends_permuted(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """The second ends in another order than the first ones, so that other things are paired."""
    axis, numbers = _axis_of_pairs(t.numbers), t.numbers.copy()
    ends = np.moveaxis(numbers, axis, 0)
    ends[1] = chance.permutation(ends[1])
    return numbers


def _axis_of_pairs(numbers: np.ndarray) -> int:
    return 0 if numbers.shape[0] == 2 else 1


def _texts_permuted(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    return chance.permutation(t.numbers.reshape(-1)).reshape(t.numbers.shape)


def _categories_redrawn(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """Each column among what the graph knows there, where it says so, else among what occurs in it."""
    numbers = t.numbers.copy()
    table = numbers.reshape(-1, numbers.shape[-1] if numbers.ndim > 1 else 1)
    for column in range(table.shape[1]):
        own = np.array(t.use.categories(column)) if t.use.categories(column) else np.unique(table[:, column])
        own = own[np.char.str_len(own) * 4 <= numbers.itemsize] if numbers.dtype.kind == "U" else own
        table[:, column] = chance.choice(own, len(table))
    return table.reshape(numbers.shape)


def _among_occurring_but_greatest(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    return _drawn(t, chance, lambda values: values[:-1] if len(values) > 1 else values, t.numbers.max())


def _among_occurring(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    return _drawn(t, chance, lambda values: values)


def _between_least_and_greatest(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    return _drawn(t, chance, lambda values: np.arange(values[0], min(values[-1] + 1, values[0] + VOCABULARY)))


def _drawn(
    t: InputTensor,
    chance: np.random.Generator,
    pool: Callable[[np.ndarray], np.ndarray],
    unwanted: int | None = None,
) -> np.ndarray:
    """Identifiers drawn anew from `pool` (of those that occur). What every item has equally often (a first token, an
    end) stays and is drawn nowhere else, and so do negative ones; of a single item its ends stay, save `unwanted`."""
    rows, back = rows_of(t.numbers.astype(np.int64))
    fixed = _structure(rows)
    fixed = fixed[fixed != unwanted] if unwanted is not None else fixed
    values = np.unique(rows)
    values = values[(values >= 0) & ~np.isin(values, fixed)]
    if not len(values):
        return t.numbers
    offered = pool(values)
    offered = offered[~np.isin(offered, fixed)] if len(fixed) else offered
    stays = (rows < 0) | np.isin(rows, fixed)
    if len(rows) == 1 and rows.shape[1] > 2:
        stays[:, [0, -1]] |= rows[:, [0, -1]] != (-1 if unwanted is None else unwanted)
    return back(np.where(stays, rows, chance.choice(offered, rows.shape)))


def _structure(rows: np.ndarray) -> np.ndarray:
    """The values that each of several items has equally often; none where so many do that it is a small vocabulary."""
    rows = rows[:STRUCTURE]
    if len(rows) < 2:
        return rows[0, :0]
    common = np.unique(rows[0])
    for row in rows[1:]:
        common = common[np.isin(common, row)]
    if len(common) > STRUCTURE:
        return common[:0]
    counts = [(rows == value).sum(1) for value in common]
    return np.array([v for v, own in zip(common, counts, strict=True) if (own == own[0]).all()], rows.dtype)


def _less_but_greatest(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    """One less, but not the greatest, to which others may be padded; of equal ones the last half."""
    x = t.numbers.astype(np.int64)
    rest = x < x.max() if (x < x.max()).any() else (np.arange(x.size) >= (x.size + 1) // 2).reshape(x.shape)
    return np.where(rest, _one_less(x), x)


def _more(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    """One more, within what they may count: the next larger axis of another input."""
    sizes = (t.use.legal[-1],) if t.role == "length" and t.use.legal else t.sizes
    most = min((size for size in sizes if size >= t.numbers.max()), default=int(t.numbers.max()))
    return np.minimum(t.numbers.astype(np.int64) + 1, most)


def _less(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    return _one_less(t.numbers.astype(np.int64))


def _one_less(x: np.ndarray) -> np.ndarray:
    return np.maximum(x - 1, np.minimum(x, 1))


def _offsets_moved(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """Inner borders one on or back, where they stay between their neighbours."""
    x = t.numbers.astype(np.int64)
    for step in chance.permuted([1, -1]):
        moved = x.copy()
        inner = slice(1, -1)
        fits = (x[inner] + step > x[:-2]) & (x[inner] + step < x[2:])
        fits[1:] &= ~fits[:-1]  # neighbours do not move both
        moved[inner] += np.where(fits, step, 0)
        if fits.any():
            return moved
    return x


def rows_of(numbers: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """The items as rows [n, length] along the last axis that has two and more, and what puts such rows back."""
    axis = next((a for a in reversed(range(numbers.ndim)) if numbers.shape[a] > 1), numbers.ndim - 1)
    turned = np.moveaxis(numbers, axis, -1)
    return turned.reshape(-1, turned.shape[-1]), lambda rows: np.moveaxis(rows.reshape(turned.shape), -1, axis)


def _prefix(rows: np.ndarray) -> np.ndarray:
    """How many elements at the beginning of each row equal the first."""
    return np.where((rows == rows[:, :1]).all(1), rows.shape[1], (rows != rows[:, :1]).argmax(1))


def begins_and_ends(numbers: np.ndarray, alike: bool = False) -> bool:
    """Whether each item is of one value first and of the other one behind, as where it is padded; `alike`: and all of
    them begin with the same one."""
    rows, _ = rows_of(numbers)
    padded = ((rows == rows[:, :1]).sum(1) == _prefix(rows)).all()
    return bool(padded and not (alike and (rows[:, 0] != rows[0, 0]).any()))


def _other(rows: np.ndarray) -> np.ndarray:
    """The other value of a mask for each element."""
    least, greatest = rows.min(), rows.max()
    if least != greatest:
        return np.where(rows == least, greatest, least)
    if rows.dtype.kind == "b":
        return ~rows
    if least:
        return np.zeros_like(rows)
    return np.full_like(rows, ADDITIVE if rows.dtype.kind == "f" else 1)


def _order(length: int, chance: np.random.Generator) -> np.ndarray:
    """An order of the last axis that is not the recorded one; of three and more the first stays."""
    first = int(length > 2)
    order = first + chance.permutation(length - first)
    order = np.roll(order, 1) if (np.diff(order) == 1).all() else order
    return np.concatenate([np.arange(first), order])


def _wide(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers as float64, so that sums fit."""
    return numbers.astype(np.float64) if numbers.dtype.kind in "iu" else numbers


def _as_kind(moved: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.rint(moved) if numbers.dtype.kind in "iu" else moved


TURNED = Move("the other way", _turned)
FLIPPED_SIGN = Move("sign flipped", _flipped_sign)
INVERTED = Move("inverted", _inverted)
BETWEEN_0_AND_1 = Move("between 0 and 1", _between_0_and_1)
REVERSED = Move("backwards", _reversed)
FULL_LOUDNESS = Move("at another loudness", _to_full_loudness)
REDRAWN = Move("redrawn with the same mean and spread", _redrawn)
REDRAWN_AND_SHIFTED = Move("redrawn, and shifted by its spread", _redrawn_and_shifted)
CUT_TAIL = Move("tail cut", _cut_tail)
FLIP_TAIL = Move("tail flipped", _flip_tail)
PERMUTED_IN_ITEMS = Move("permuted in each item", _permuted_in_items)
PERMUTED_TOGETHER = Move("permuted", _permuted_together)
TUPLES_PERMUTED = Move("permuted as a whole each", _tuples_permuted)
PAIRS_PERMUTED = Move("pairs permuted", _pairs_permuted)
ENDS_PERMUTED = Move("paired otherwise", _ends_permuted)
CATEGORIES_REDRAWN = Move("redrawn among the categories", _categories_redrawn)
TEXTS_PERMUTED = Move("texts permuted", _texts_permuted)
BUT_GREATEST = Move("redrawn among those that occur, without the greatest", _among_occurring_but_greatest)
AMONG_OCCURRING = Move("redrawn among those that occur", _among_occurring)
BETWEEN = Move("redrawn between the least and the greatest", _between_least_and_greatest)
LESS_BUT_GREATEST = Move("− 1, but the greatest", _less_but_greatest)
MORE = Move("+ 1", _more)
LESS = Move("− 1", _less)
OFFSETS_MOVED = Move("inner ones moved by one", _offsets_moved)
