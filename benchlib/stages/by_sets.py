"""Until accuracy compares by slices: its future face over several sets of inputs, made of comparisons set by set."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from benchlib import accuracy
from benchlib.accuracy import Check, Exact, Tolerance
from benchlib.tensors import values

Sets = Mapping[int, Mapping[str, np.ndarray]]  # outputs by the number of the set of inputs, then by name


def compare(
    candidate: Sets,
    reference: Sets,
    dtype: str,
    *,
    exact: Sets | None = None,
    tolerance: Tolerance | None = None,
    task: str = "",
) -> Check:
    """Set by set, as one check."""  # until accuracy compares by slices
    checks = {
        n: accuracy.compare(
            candidate[n], reference[n], dtype, exact=Exact(exact[n]) if exact else None, tolerance=tolerance, task=task
        )
        for n in sorted(candidate)
    }
    return accuracy.combined({0: checks[min(checks)], **checks}) if len(checks) > 1 else next(iter(checks.values()))


def cannot_judge(reference: Sets, exact: Sets, dtype: str) -> str:
    """Why float64 cannot be the ground truth, or ""."""  # until accuracy compares by slices
    for n in reference:
        problem = accuracy.misfit(reference[n], exact[n]) or accuracy.too_large(
            accuracy.own_error(reference[n], exact[n]), exact[n], dtype
        )
        if problem:
            return problem
    return ""


def worst_own_error(reference: Sets, exact: Sets, number: int) -> float:
    """The relative error of eager on one set, of its worst output."""  # until accuracy compares by slices
    worst = 0.0
    for error, right in zip(accuracy.own_error(reference[number], exact[number]), exact[number].values(), strict=True):
        finite = values(right)[np.isfinite(values(right))] if error else np.zeros(0)
        size = math.sqrt(float(np.mean(np.abs(finite) ** 2))) if finite.size else 0.0
        worst = max(worst, error["rmse"] / size if error and size else 0.0)
    return worst
