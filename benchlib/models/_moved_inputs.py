"""Inputs moved on purpose: what an export froze because of the recorded values is not right for these.

Permutations keep every sum, maximum and count, so that a branch on the sum, a scale by the maximum or a length by the
mask stays as it was traced. Here four sets move all inputs at once, each by its kind's next move (`_input_kinds`), and
for each of several inputs one set moves it alone, which tells whether the outputs depend on it. They are compared and
never timed. That a set is legal is not known here: whoever compares takes those that the ground truth runs on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from benchlib import tensors
from benchlib.models._input_kinds import Kind, kind_of
from benchlib.models._moves import InputTensor, Move
from benchlib.tensors import FlatArrays

TOGETHER = 4  # sets that move all inputs at once
ALONE = 16  # inputs that are moved alone, at most
LEAST_TOGETHER, LEAST_ALONE = 3, 2  # as many there are however large the inputs
NAMED = 4  # inputs that the words of a set name, at most


@dataclass(frozen=True)
class MovedSet:
    """Inputs that were moved, and how."""

    arrays: FlatArrays
    words: str


@dataclass
class MovedSets:
    """All of them, and why inputs are not moved by themselves: flat name -> reason."""

    sets: list[MovedSet] = field(default_factory=list)
    unmoved: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Input:
    """An input with its kind."""

    name: str
    array: np.ndarray
    tensor: InputTensor
    kind: Kind


def moved(arrays: FlatArrays, roles: Mapping[str, str], seed: int, most: int) -> MovedSets:
    """The moved sets of recorded inputs, no more than `most` (but `LEAST_TOGETHER` and `LEAST_ALONE` in any case).

    Args:
        arrays: the recorded inputs by flat name.
        roles: what an ONNX graph makes of inputs by name (`_onnx_uses.Use.role`), where it says.
        seed: of the trial.
        most: sets, as memory allows.
    """
    inputs = _known(arrays, roles)
    found = MovedSets()
    for turn in range(min(TOGETHER, max(most // 2, LEAST_TOGETHER))):
        chance = np.random.default_rng((seed, turn))
        changed = {i.name: (move, new) for i in inputs if (move := _in_turn(i.kind, turn)) is not None
                   and (new := _applied(i, move, chance)) is not None}  # fmt: skip
        if changed:
            words = [move.said_of(name) for name, (move, _) in changed.items()]
            more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
            found.sets.append(
                MovedSet(arrays | {name: new for name, (_, new) in changed.items()}, "; ".join(words[:NAMED]) + more)
            )
    _move_alone(inputs, arrays, found, np.random.default_rng((seed, TOGETHER)), most)
    return found


def fixed_ones(arrays: FlatArrays, roles: Mapping[str, str]) -> list[str]:
    """The names of single numbers that stay whatever is moved: a sampling rate."""
    single = {name: array for name, array in arrays.items() if array.size == 1}
    return [i.name for i in _known(single, roles) if not i.kind.by_itself]


def _move_alone(
    inputs: list[_Input], arrays: FlatArrays, found: MovedSets, chance: np.random.Generator, most: int
) -> None:
    """Adds the sets that move one input each; where the only thing that moves is one input, all sets do that."""
    room = min(ALONE, max(most - len(found.sets), LEAST_ALONE))
    movable = [i for i in inputs if i.kind.by_itself]
    found.unmoved |= {i.name: f"{i.kind.name}: it stays" for i in inputs if not i.kind.by_itself}
    if len(inputs) == 1 and found.sets:
        return
    for own in movable:
        alone = next(_moves_that_change(own, chance), None)
        if alone is None:
            found.unmoved[own.name] = f"{own.kind.name}: nothing else is legal"
        elif room:
            move, new = alone
            found.sets.append(MovedSet(arrays | {own.name: new}, move.said_of(own.name)))
            room -= 1
        else:
            found.unmoved[own.name] = "too many or too large inputs: it is moved with the others only"


def _moves_that_change(own: _Input, chance: np.random.Generator) -> Iterator[tuple[Move, np.ndarray]]:
    for move in own.kind.by_itself:
        if (new := _applied(own, move, chance)) is not None:
            yield move, new


def _in_turn(kind: Kind, turn: int) -> Move | None:
    return kind.moves[turn % len(kind.moves)] if kind.moves else None


def _known(arrays: FlatArrays, roles: Mapping[str, str]) -> list[_Input]:
    found = []
    for name, array in arrays.items():
        sizes = frozenset(size for other, a in arrays.items() if other != name for size in a.shape)
        numbers = np.asarray(array) if array.dtype.kind in "U" else tensors.values(array)
        numbers = numbers.astype(np.float32) if numbers.dtype == np.float16 else numbers  # where a product fits
        tensor = InputTensor(name.lower(), numbers, roles.get(name, ""), sizes)
        found.append(_Input(name, array, tensor, kind_of(tensor)))
    return found


def _applied(own: _Input, move: Move, chance: np.random.Generator) -> np.ndarray | None:
    """The moved input in the dtype and memory order of the recorded one; None where nothing changed."""
    new = _restored(move.move(own.tensor, chance), own.array)
    return None if same_bytes(new, own.array) else new


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
