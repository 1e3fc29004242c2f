"""Whether a model that was stored computes what it did where it was called.

What a script sets outside of its model (a variable of the environment, a default dtype, a function that it replaced) is
not stored with it. The outputs of the call, which lie beside the model, tell: another answer is that of another model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.accuracy.tolerances import TOLERANCES
from benchlib.models import call
from benchlib.tensors import FlatArrays, Inputs

FILE = "called.npz"


def keep(folder: Path, module: Any, inputs: Inputs, positional: Sequence[str]) -> None:
    """Calls a module as its script is about to, and keeps what it answers; nothing of a call that fails, or of answers
    without tensors: whoever runs the model is told then."""
    import torch

    try:
        with torch.no_grad():
            tensors.save_outputs(folder / FILE, call(module, inputs, tuple(positional)))
    except Exception:  # whatever a model raises is its trial's to say
        (folder / FILE).unlink(missing_ok=True)


def difference(folder: Path, answer: Callable[[], Any]) -> str:
    """How the answer of a model differs from the one that was kept, in words; "" where it does not, where none was
    kept, and of a model that answers otherwise each time.

    Args:
        folder: where it was kept.
        answer: opens the model anew, as it was before its call, and calls it: one that counts its calls is no other.
    """
    import torch

    if not (folder / FILE).is_file():
        return ""
    then, _ = tensors.load(folder / FILE)
    with torch.no_grad():
        here, again = (_answered(answer()) for _ in range(2))
    if _apart(here, again):
        return ""
    return _apart(then, here)


def _answered(outputs: Any) -> FlatArrays:
    leaves, _ = tensors.outline(outputs)
    return {name: tensors.to_numpy(leaf) for name, leaf in leaves.items()}


def _apart(there: FlatArrays, here: FlatArrays) -> str:
    """The first output that differs by more than rounding, in words."""
    if [*there] != [*here]:
        return f"outputs {', '.join(there) or 'none'} there, {', '.join(here) or 'none'} here"
    return next(filter(None, (_of_output(name, there[name], here[name]) for name in there)), "")


def _of_output(name: str, there: np.ndarray, here: np.ndarray) -> str:
    for own in (lambda array: list(array.shape), tensors.dtype_of):
        if own(there) != own(here):
            return f"output {name} is {own(there)} there, {own(here)} here"
    dtype = tensors.dtype_of(there)
    first, second = tensors.values(there), tensors.values(here)
    if first.dtype.kind not in "fc":
        places = int((first != second).sum())
        return f"output {name} differs at {places:,} of {first.size:,} places" if places else ""
    finite = np.isfinite(first)
    if (finite != np.isfinite(second)).any():
        return f"output {name} is finite only there or here"
    apart, largest = (float(np.abs(x[finite]).max(initial=0)) for x in (first - second, first))
    allowed = TOLERANCES.get(dtype, TOLERANCES["float32"]).rtol * largest
    return f"output {name} is {apart:.3g} apart, of at most {largest:.3g}" if apart > allowed else ""
