"""Which dimensions of a model's inputs are free: they follow the trial's `batch_size` or `seq_length`.

Nothing has to declare them: a source makes its inputs anew for other sizes, and a dimension that has the asked
size both times follows it. So a third dimension that happens to be 2 long is not taken for a batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from benchlib import tensors
from benchlib.record.metadata import FreeAxes
from benchlib.tensors import Inputs

PROBES = {"batch": ("batch_size", 2), "seq_length": ("seq_length", 6)}  # tried with this size and the next one


def followed(inputs_at: Callable[[Any], Inputs], trial: Any) -> FreeAxes:
    """{flat name of an input: {axis: "batch" or "seq_length"}}, of the inputs that `inputs_at` makes for a trial.

    A name for which no inputs can be made at the probed sizes is left out.
    """
    plain = dict(PROBES.values())
    found: FreeAxes = {}
    for called, (parameter, size) in PROBES.items():
        try:
            shapes = [
                _shapes(inputs_at(SimpleNamespace(**{**vars(trial), **plain, parameter: n}))) for n in (size, size + 1)
            ]
        except Exception:  # whatever a source has against such sizes: they are not free
            continue
        for name, first in shapes[0].items():
            for axis, sizes in enumerate(zip(first, shapes[1].get(name, ()), strict=False)):
                if sizes == (size, size + 1):
                    found.setdefault(name, {})[axis] = called
    return found


def shared(inputs: Inputs) -> FreeAxes:
    """The same for inputs that are given and cannot be made anew: the first axis of those that share its size with
    another one is the batch; so is that of a single input."""
    sizes = {name: shape[0] for name, shape in _shapes(inputs).items() if shape}
    if not sizes:
        return {}
    batch, count = Counter(sizes.values()).most_common(1)[0]
    if count == 1 and len(sizes) > 1:
        return {}
    return {name: {0: "batch"} for name, size in sizes.items() if size == batch}


def _shapes(inputs: Inputs) -> Mapping[str, tuple[int, ...]]:
    return {name: tuple(leaf.shape) for name, leaf in tensors.leaves_of(inputs).items()}
