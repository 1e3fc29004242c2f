"""How many items a call is of, where its inputs decide that: those of a file, a script, a module, or given ones."""

from __future__ import annotations

from benchlib import tensors
from benchlib.models._names import is_called_state
from benchlib.record.metadata import FreeAxes
from benchlib.tensors import Inputs


def items(inputs: Inputs, axes: FreeAxes) -> int | None:
    """Along the dimension that is the batch, else along the first one of the first input that has two or more.

    Args:
        inputs: of a call.
        axes: which dimension of which flat input is the batch, as far as that is known (`LoadedModel.axes`). An input
            of one dimension says nothing: it may be a batch of numbers as well as one item.

    Returns:
        None where no input has two dimensions.
    """
    leaves = {n: a for n, a in tensors.leaves_of(inputs).items() if len(a.shape) > 1}
    called = [
        leaves[n].shape[i] for n, own in axes.items() for i, free in own.items() if free == "batch" and n in leaves
    ]
    first = [array.shape[0] for name, array in leaves.items() if not is_called_state(name)]
    return next((int(size) for size in (*called, *first)), None)
