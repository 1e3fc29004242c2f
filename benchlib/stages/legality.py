"""Which of the sets that were derived from the recorded inputs a model takes as it takes the recorded ones.

A derived set may hold what the model was never made for: a mask of nothing, a length beyond the text. It counts where
the ground truth answers it with the outputs, shapes and finite numbers of the recorded set, and where eager's own
rounding error stays what it was, up to ten times: beyond that a model is no longer where it was made to work, and what
a way answers there is nobody's affair.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from benchlib import accuracy, tensors
from benchlib.accuracy import Sets
from benchlib.stages.nature import ROUNDING, structure_of

FARTHER = 10  # times the recorded set's own error, relative to the size of the outputs


def unlike_recorded(answers: Sets) -> dict[int, str]:
    """The sets that are answered with another structure than set 0, or with NaN or infinities that it has not, each
    with the reason."""
    recorded = answers[0]
    reasons = {n: _unlike(recorded, outputs) for n, outputs in answers.items() if n}
    return {n: reason for n, reason in reasons.items() if reason}


def less_exact(reference: Sets, exact: Sets, derived: Collection[int], dtype: str) -> dict[int, str]:
    """The derived sets on which the reference's own relative error is more than `FARTHER` times that on set 0, each
    with the reason; on outputs that are exact, more than as many roundings of the dtype."""
    if not _comparable(reference[0], exact[0]):
        return {}
    allowed = FARTHER * max(accuracy.worst_own_error(reference, exact, 0), ROUNDING[dtype])
    illegal = {}
    for n in sorted(derived):
        if not _comparable(reference[n], exact[n]):
            illegal[n] = f"float64 answers with other shapes or kinds of numbers than {dtype}"
        elif not (error := accuracy.worst_own_error(reference, exact, n)) <= allowed:
            illegal[n] = f"the error of {dtype} itself is {error:.2g} there, more than {FARTHER} times the recorded one"
    return illegal


def spoiling(reference: Sets, exact: Sets, derived: Collection[int], dtype: str) -> dict[int, str]:
    """The derived sets on which float64 cannot be the ground truth although it can on all others, each with the
    reason: better one set less than a coarser judge."""
    others = [n for n in exact if n not in derived]
    if not derived or not others or _spoilt(reference, exact, others, dtype):
        return {}
    reasons = {n: _spoilt(reference, exact, [*others, n], dtype) for n in sorted(derived)}
    return {n: reason for n, reason in reasons.items() if reason}


def _spoilt(reference: Sets, exact: Sets, numbers: Collection[int], dtype: str) -> str:
    return accuracy.cannot_judge({n: reference[n] for n in numbers}, {n: exact[n] for n in numbers}, dtype)


def _comparable(reference: Mapping[str, np.ndarray], exact: Mapping[str, np.ndarray]) -> bool:
    kinds = [[tensors.values(array).dtype.kind for array in outputs.values()] for outputs in (reference, exact)]
    return structure_of(reference) == structure_of(exact) and kinds[0] == kinds[1]


def _unlike(recorded: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> str:
    if structure_of(recorded) != structure_of(outputs):
        shapes = [[*shape] for shape in structure_of(outputs)]
        return f"its outputs have the shapes {shapes}, others than those of the recorded inputs"
    for (name, before), after in zip(recorded.items(), outputs.values(), strict=True):
        one, other = tensors.values(before), tensors.values(after)
        if one.dtype.kind not in "fc":
            continue
        for what, is_so in (("NaN", np.isnan), ("infinities", np.isinf)):
            if is_so(other).any() and not is_so(one).any():
                return f"output {name} has {what}, which it has not for the recorded inputs"
    return ""
