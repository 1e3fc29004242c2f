"""More inputs of a model, beside the recorded ones, by one rule for all sources.

An export that has folded an input, or a decision about its values, into a constant is right for that input alone; so
outputs are compared at more sets. And what is called again and again with the very same bytes finds them in the caches
of the machine; so several sets take turns while it is timed: eight, or as many as make up 64 MB, as those larger than
any cache flatter nobody. Sets are, by their origin:

given        further ones of a folder of ONNX test data
drawn        made as the recorded one was, from another seed, where the source can (`LoadedModel.redraw`)
permuted     the recorded one in another order (`_permuted_inputs`), where too few others can be drawn
moved        derived from the recorded one so that sums, extremes, counts and lengths change (`_moved_inputs`): compared
             alone, and numbered from `TIMED` on

Three more, drawn or permuted, are for passes that calibrate; they are among none of the others. All differ in their
bytes, and all follow from the trial's seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import layouts, tensors
from benchlib.models import LoadedModel, _asked_values
from benchlib.models._moved_inputs import fixed_ones, moved, same_bytes
from benchlib.models._permuted_inputs import permuted
from benchlib.models._use import Use
from benchlib.tensors import FlatArrays, Inputs, Structure

COMPARED = 2  # sets of those that take turns at which outputs are compared, beside the recorded one
TIMED = 8  # sets that take turns, the recorded one among them
CALIBRATING = 3  # sets to calibrate on
ENOUGH = 64 << 20  # bytes of inputs beyond which no more sets are made
_DRAWS = 20
_FIRST_CALIBRATING = 1000  # numbers of sets to calibrate on, for their seeds

Draw = Callable[[int], FlatArrays | None]  # the number of a draw -> a set; None where it is none of the model's


@dataclass(frozen=True)
class DerivedSet:
    """A set beside the recorded one."""

    arrays: FlatArrays
    structure: Structure  # the nesting, the recorded one's
    origin: str  # given, drawn, permuted or moved
    moves: list[str]  # flat names of inputs whose bytes are not the recorded ones
    beyond: list[str]  # those of them with numbers outside the recorded range
    words: str  # how it was made

    @property
    def inputs(self) -> Inputs:
        """The set in its nesting, of plain mappings and sequences."""
        return tensors.plain(self.structure, self.arrays)

    def save(self, path: Path) -> str:
        """Writes the set to a file, and returns its hash."""
        return tensors.save_flat(path, self.arrays, self.structure)


@dataclass
class InputSets:
    """All sets of a model, by number from 1 on, those to calibrate on, and numbers that are not moved."""

    sets: dict[int, DerivedSet] = field(default_factory=dict)
    calibrating: list[DerivedSet] = field(default_factory=list)
    fixed_numbers: list[str] = field(default_factory=list)  # numbers that have one value in all sets


def of(model: LoadedModel, seed: int) -> InputSets:
    """The sets of a loaded model; `seed` is the trial's. Its module is called once, to see what it asks of values."""
    maker = _Maker(model, seed)
    found = InputSets(fixed_numbers=fixed_numbers(model.inputs, model.uses))
    for number, nested in enumerate(model.more, 1):
        maker.known.add(tensors.content_hash(tensors.leaves_of(nested)))
        found.sets[number] = maker.derived(_arrays(nested), "given", "given")
    drawn = list(maker.draws(maker.redrawn, range(1, TIMED), maker.room(TIMED - 1, COMPARED))) if model.redraw else []
    source = (drawn, "drawn", "drawn from another seed")
    if len(drawn) < COMPARED:
        free = range(1, TIMED)
        source = (list(maker.draws(maker.permuted, free, maker.room(TIMED - 1, COMPARED))), "permuted", "permuted")
    for number, arrays in zip(range(len(found.sets) + 1, TIMED), source[0], strict=False):
        found.sets[number] = maker.derived(arrays, *source[1:])
    asked = _asked_values.watch(model)
    others = moved(maker.arrays, model.uses, seed, maker.room(TIMED * 4, 0), asked)
    placed = [(maker.placed(s.arrays), s.words) for s in others]
    different = [(arrays, words) for arrays, words in placed if maker.is_new(arrays)]
    found.sets |= {n: maker.derived(arrays, "moved", words) for n, (arrays, words) in enumerate(different, TIMED)}
    found.calibrating = [maker.derived(arrays, "calibrating", "to calibrate on") for arrays in maker.calibrating()]
    return found


def seed_of(seed: int, number: int) -> int:
    """The seed from which a set is drawn: apart from small numbers, which sources use beside the trial's own seed."""
    return int(np.random.default_rng((seed, number)).integers(1 << 20, 1 << 31))


def fixed_numbers(inputs: Inputs, uses: Mapping[str, Use] | None = None) -> list[str]:
    """The names of numbers among the inputs that have one value in every set: Python's own, which are constants of a
    graph, and single ones that may not move, as a sampling rate."""
    leaves, structure = tensors.flatten(inputs)
    arrays = {name: tensors.to_numpy(leaf) for name, leaf in leaves.items()}
    return [*structure.numbers(), *fixed_ones(arrays, uses or {})]


class _Maker:
    """Makes sets that differ from all before them."""

    def __init__(self, model: LoadedModel, seed: int):
        leaves, self.structure = tensors.flatten(model.inputs)
        self.model, self.seed = model, seed
        self.layouts = layouts.layouts_of(leaves)
        self.arrays = self.placed({name: tensors.to_numpy(leaf) for name, leaf in leaves.items()})
        self.size = sum(array.nbytes for array in self.arrays.values())
        self.known = {tensors.content_hash(self.arrays)}

    def room(self, most: int, least: int) -> int:
        """How many sets fit into `ENOUGH`, from `least` to `most`."""
        return min(most, max(least, ENOUGH // max(self.size, 1) - 1))

    def placed(self, arrays: FlatArrays) -> FlatArrays:
        """The arrays with the strides of the recorded ones, and in one storage where those are."""
        return layouts.placed(arrays, self.layouts)

    def redrawn(self, number: int) -> FlatArrays | None:
        """The source's own draw from the seed of that number; None where it has other names, shapes or dtypes."""
        assert self.model.redraw is not None
        try:
            leaves, structure = tensors.flatten(self.model.redraw(seed_of(self.seed, number)))
        except Exception:  # whatever a source has against that seed: then it is none of its sets
            return None
        arrays = self.placed({name: tensors.to_numpy(leaf) for name, leaf in leaves.items()})
        return arrays if structure == self.structure and _forms(arrays) == _forms(self.arrays) else None

    def permuted(self, number: int) -> FlatArrays:
        """The recorded inputs permuted."""
        return self.placed(permuted(self.arrays, np.random.default_rng((self.seed, number))))

    def draws(self, draw: Draw, numbers: range, most: int) -> Iterator[FlatArrays]:
        """At most `most` new sets. One that is there already is drawn again, a few times."""
        made = 0
        for number in numbers:
            for attempt in range(_DRAWS):
                if made == most:
                    return
                arrays = draw(number + attempt * _FIRST_CALIBRATING * 2)
                if arrays is None:
                    break
                if self.is_new(arrays):
                    made += 1
                    yield arrays
                    break
            else:
                return

    def calibrating(self) -> list[FlatArrays]:
        """Sets to calibrate on. Where none can be drawn or permuted that is not compared, one is moved within its
        range, and where that changes nothing, the recorded one is all there is."""
        numbers = range(_FIRST_CALIBRATING, _FIRST_CALIBRATING + CALIBRATING)
        most = self.room(CALIBRATING, 1)
        ways: list[Draw] = [self.redrawn] if self.model.redraw else []
        for way in (*ways, self.permuted):
            if found := list(self.draws(way, numbers, most)):
                return found
        again = moved(self.arrays, self.model.uses, seed_of(self.seed, _FIRST_CALIBRATING), TIMED)
        placed = [self.placed(s.arrays) for s in again]
        new = [arrays for arrays in placed if self.is_new(arrays) and not self._beyond(arrays)]
        return new[:most] or [self.arrays]

    def is_new(self, arrays: FlatArrays) -> bool:
        """Whether no set before has these bytes."""
        digest = tensors.content_hash(arrays)
        new = digest not in self.known
        self.known.add(digest)
        return new

    def derived(self, arrays: FlatArrays, origin: str, words: str) -> DerivedSet:
        """A set with what is known of it."""
        moves = [n for n, a in arrays.items() if not same_bytes(a, self.arrays[n])]
        return DerivedSet(arrays, self.structure, origin, moves, self._beyond(arrays), words)

    def _beyond(self, arrays: FlatArrays) -> list[str]:
        pairs = ((name, _range(array), _range(self.arrays[name])) for name, array in arrays.items())
        return [name for name, new, old in pairs if new and old and (new[0] < old[0] or new[1] > old[1])]


def _arrays(inputs: Inputs) -> FlatArrays:
    return {name: tensors.to_numpy(leaf) for name, leaf in tensors.leaves_of(inputs).items()}


def _forms(arrays: FlatArrays) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(name, tensors.dtype_of(array), array.shape) for name, array in arrays.items()]


def _range(array: np.ndarray) -> tuple[Any, Any] | None:
    if not array.size or array.dtype.kind not in "biuf":
        return None
    numbers = tensors.values(array)
    return numbers.min(), numbers.max()
