"""Other sizes at which an export with free dimensions has to be right, and inputs of those sizes.

A graph that has kept a size of its example as a constant is right at that size alone. So it is run at sizes that
it was neither exported nor recorded with. The inputs are the recorded ones, cut or repeated cyclically along the free
dimensions, so that every value stands in the recorded input, which keeps it legal.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchlib import layouts, tensors
from benchlib.models._input_kinds import kind_of
from benchlib.models._moves import InputTensor
from benchlib.record.metadata import FreeAxes
from benchlib.tensors import FlatArrays, FlatTensors


def shape_sets(axes: FreeAxes, recorded: Mapping[str, int], exported: Mapping[str, int] | None) -> list[dict[str, int]]:
    """Up to five new mappings of sizes; `exported` is None where nothing was exported.

    Batches of 1, 7 (5 where 7 was used) and one more than the export's, at the recorded length. Then two lengths with
    batches among those: the largest prime below, and 1. No length is above the recorded or the exported one, because
    a model's table of positions ends somewhere.
    """
    free = {called for dims in axes.values() for called in dims.values()}
    exported = {**recorded, **(exported or {})}
    length = min(recorded["seq_length"], exported["seq_length"]) if "seq_length" in free else None
    at_length = {} if length is None else {"seq_length": length}
    batches: list[dict[str, int]] = [{}]
    if "batch" in free:
        used = {recorded["batch"], exported["batch"]}
        wanted = (1, 5 if 7 in used else 7, exported["batch"] + 1)
        batches = [{"batch": size} for size in dict.fromkeys(wanted) if size not in used]
    sets = [{**batch, **at_length} for batch in batches if batch]
    for i, shorter in enumerate(_shorter(length or 1)):
        sets.append({**batches[i % len(batches)], "seq_length": shorter})
    return sets


def sizes_of(leaves: FlatTensors, axes: FreeAxes) -> dict[str, int]:
    """{"batch": n, "seq_length": s} of flat inputs, as far as they are free: of the first one that has such a
    dimension."""
    found: dict[str, int] = {}
    for name, leaf in leaves.items():
        for axis, called in axes.get(name, {}).items():
            found.setdefault(called, int(leaf.shape[axis]))
    return found


def resized(leaves: FlatTensors, axes: FreeAxes, sizes: Mapping[str, int]) -> FlatArrays:
    """Flat inputs with these sizes along their free dimensions, as arrays whose axes lie in memory as before."""
    found = {}
    for name, leaf in leaves.items():
        recorded = array = tensors.to_numpy(leaf)
        along = axes.get(name, {})
        for axis, called in along.items():
            if called in sizes:
                array = np.take(array, np.arange(sizes[called]) % array.shape[axis], axis)  # keeps a label
        sequences = [axis for axis, called in along.items() if called == "seq_length"]
        found[name] = _unmasked(array, recorded, sequences[-1]) if sequences else array
    recorded_length = sizes_of(leaves, axes).get("seq_length", 0)
    length = sizes.get("seq_length", recorded_length)
    found = {name: _shortened(name, array, recorded_length, length) for name, array in found.items()}
    return layouts.placed(found, layouts.layouts_of(leaves))


def _shortened(name: str, array: np.ndarray, recorded: int, length: int) -> np.ndarray:
    """Lengths of a sequence that was cut: none is beyond its end."""
    kind = kind_of(InputTensor(name.lower(), tensors.values(array))) if array.dtype.kind in "iu" else None
    if length >= recorded or kind is None or kind.name not in ("count", "one count"):
        return array
    return np.minimum(array, length) if array.max() <= recorded else array


def _shorter(length: int) -> list[int]:
    prime = next((n for n in range(length - 1, 1, -1) if all(n % k for k in range(2, int(n**0.5) + 1))), None)
    return [n for n in (prime, 1) if n and n < length]


def _unmasked(array: np.ndarray, recorded: np.ndarray, axis: int) -> np.ndarray:
    """A mask of two values in which each item still sees something: where only zeros of it are left, its first element
    becomes the mask's other value. What has such items in the recorded input is left alone."""
    if array.dtype.kind not in "biu" or len(np.unique(recorded)) != 2 or not recorded.any(axis).all():
        return array
    array = array.copy()
    rows = np.moveaxis(array, axis, -1)
    rows[~rows.any(-1), 0] = recorded.max()
    return array
