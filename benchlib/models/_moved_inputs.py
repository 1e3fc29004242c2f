"""Inputs moved on purpose: what an export froze because of the recorded values is not right for these.

Permutations keep every sum, maximum and count, so that a branch on the sum, a scale by the maximum or a length by the
mask stays as it was traced. Here four sets move all inputs at once, each by its kind's next move (`_input_kinds`), and
for each of several inputs one set moves it alone, which tells whether the outputs depend on it. Of a model that asks
for values (`_asked_values`) further sets move one input to an edge each, and some to numbers that its own code holds
(`_code_numbers`). They are compared and never timed. That a set
is legal is not known here: whoever compares takes those that the ground truth runs on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, zip_longest

import numpy as np

from benchlib import tensors
from benchlib.models._asked_values import NOTHING, AskedValues
from benchlib.models._edge_moves import at_asked, at_code_numbers
from benchlib.models._input_kinds import Kind, kind_of
from benchlib.models._moves import InputTensor, Move
from benchlib.models._use import UNKNOWN, Use
from benchlib.tensors import FlatArrays

TOGETHER = 4  # sets that move all inputs at once
ALONE = 16  # inputs that are moved alone, at most
EDGES = 12  # sets that move one input to an edge, at most
CODE_NUMBERS = 6  # sets that move one input to numbers that the model's code holds, at most
LEAST_TOGETHER, LEAST_ALONE, LEAST_EDGES = 3, 2, 3  # as many there are however large the inputs
NAMED = 4  # inputs that the words of a set name, at most


@dataclass(frozen=True)
class MovedSet:
    """Inputs that were moved, and how."""

    arrays: FlatArrays
    words: str


@dataclass(frozen=True)
class _Input:
    """An input with its kind."""

    name: str
    array: np.ndarray
    tensor: InputTensor
    kind: Kind


def moved(
    arrays: FlatArrays, uses: Mapping[str, Use], seed: int, most: int, asked: AskedValues = NOTHING
) -> list[MovedSet]:
    """The moved sets of recorded inputs, no more than `most` (but as many as `LEAST_…` say in any case).

    Args:
        arrays: the recorded inputs by flat name.
        uses: what an ONNX graph makes of inputs by name, where it says.
        seed: of the trial.
        most: sets, as memory allows.
        asked: what the model asks of values.
    """
    inputs = _known(arrays, uses)
    found: list[MovedSet] = []
    for turn in range(min(TOGETHER, max(most // 2, LEAST_TOGETHER))):
        chance = np.random.default_rng((seed, turn))
        changed = {i.name: (move, new) for i in inputs if (move := _in_turn(i.kind, turn)) is not None
                   and (new := _applied(i, move, chance)) is not None}  # fmt: skip
        if changed:
            words = [move.said_of(name) for name, (move, _) in changed.items()]
            more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
            moved_together = {name: new for name, (_, new) in changed.items()}
            found.append(MovedSet(arrays | moved_together, "; ".join(words[:NAMED]) + more))
    if len(inputs) > 1 or not found:  # else all of them move it alone
        alone = _moved_alone(inputs, arrays, np.random.default_rng((seed, TOGETHER)))
        found += islice(alone, min(ALONE, max(most - len(found), LEAST_ALONE)))
    if asked.values:
        edges = {own.name: _edges(own, asked) for own in inputs}
        found += islice(_moved_each(inputs, arrays, edges), min(EDGES, max(most - len(found), LEAST_EDGES)))
    held = {own.name: at_code_numbers(own.tensor, asked.code_numbers) for own in inputs}
    found += islice(_moved_each(inputs, arrays, held), min(CODE_NUMBERS, max(most - len(found), LEAST_EDGES)))
    return found


def fixed_ones(arrays: FlatArrays, uses: Mapping[str, Use]) -> list[str]:
    """The names of single numbers that stay whatever is moved: a sampling rate."""
    single = {name: array for name, array in arrays.items() if array.size == 1}
    return [i.name for i in _known(single, uses) if not i.kind.by_itself]


def _moved_alone(inputs: list[_Input], arrays: FlatArrays, chance: np.random.Generator) -> Iterator[MovedSet]:
    """The sets that move one input each, by the first of its moves that changes it."""
    for own in inputs:
        if alone := next(_moves_that_change(own, chance), None):
            move, new = alone
            yield MovedSet(arrays | {own.name: new}, move.said_of(own.name))


def _moved_each(inputs: list[_Input], arrays: FlatArrays, moves_of: Mapping[str, Iterable[Move]]) -> Iterator[MovedSet]:
    """The sets that make one of an input's moves each, the first one of each input before the second one of any."""
    chance = np.random.default_rng(0)  # nothing is drawn here
    known = {own.name: [own.array] for own in inputs}
    for moves in zip_longest(*(moves_of[own.name] for own in inputs)):
        for own, move in zip(inputs, moves, strict=True):
            new = _applied(own, move, chance) if move else None
            if new is not None and not any(same_bytes(new, before) for before in known[own.name]):
                known[own.name].append(new)
                yield MovedSet(arrays | {own.name: new}, move.said_of(own.name))


def _edges(own: _Input, asked: AskedValues) -> Iterator[Move]:
    yield from at_asked(own.tensor, asked.against.get(own.name, ()), own.name in asked.odd)
    yield from own.kind.edges


def _moves_that_change(own: _Input, chance: np.random.Generator) -> Iterator[tuple[Move, np.ndarray]]:
    for move in own.kind.by_itself:
        if (new := _applied(own, move, chance)) is not None:
            yield move, new


def _in_turn(kind: Kind, turn: int) -> Move | None:
    return kind.moves[turn % len(kind.moves)] if kind.moves else None


def _known(arrays: FlatArrays, uses: Mapping[str, Use]) -> list[_Input]:
    found = []
    for name, array in arrays.items():
        sizes = frozenset(size for other, a in arrays.items() if other != name for size in a.shape)
        numbers = np.asarray(array) if array.dtype.kind in "U" else tensors.values(array)
        numbers = numbers.astype(np.float32) if numbers.dtype == np.float16 else numbers  # where a product fits
        tensor = InputTensor(name.lower(), numbers, uses.get(name, UNKNOWN), sizes)
        found.append(_Input(name, array, tensor, kind_of(tensor)))
    return found


def _applied(own: _Input, move: Move, chance: np.random.Generator) -> np.ndarray | None:
    """The moved input in the dtype and memory order of the recorded one; None where nothing changed."""
    new = _restored(_legal(move.move(own.tensor, chance), own.tensor), own.array)
    return None if same_bytes(new, own.array) else new


def _legal(numbers: np.ndarray, recorded: InputTensor) -> np.ndarray:
    """Numbers within what the graph takes, where the recorded ones are."""
    legal = recorded.use.legal
    if not isinstance(legal, range) or not legal:
        return numbers
    least, most = legal[0], legal[-1]
    own = (recorded.numbers >= least) & (recorded.numbers <= most)
    return np.clip(numbers, least, most) if own.all() else numbers


def same_bytes(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays of one shape and dtype are equal to the bit."""
    first, second = (np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in (one, other))
    return one is other or bool((first == second).all())


def _restored(numbers: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Numbers in the dtype, and with the label, of `array`; what is beyond the dtype becomes its extreme."""
    new = np.empty_like(array)
    if tensors.dtype_of(array) == "bfloat16":
        new[...] = _bfloat16_bits(numbers)
    elif array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        new[...] = np.clip(numbers, limits.min, limits.max).astype(array.dtype)
    elif array.dtype.kind == "f":
        most = np.finfo(array.dtype).max
        new[...] = np.where(np.isfinite(numbers), np.clip(numbers, -most, most), numbers)
    else:
        new[...] = numbers
    return new


def _bfloat16_bits(numbers: np.ndarray) -> np.ndarray:
    """The upper halves of float32, rounded to nearest even."""
    bits = np.ascontiguousarray(numbers, np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isfinite(numbers), rounded, bits >> 16).astype(np.uint16)
