"""The error that the reference itself has against float64: what others are measured by, and whether it can judge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from benchlib.accuracy.figures import figures
from benchlib.accuracy.tolerances import TOLERANCES
from benchlib.tensors import values

_NEAR = 0.1  # of an output's own size (RMS) that the reference's error may have


def own_error(reference: Mapping[str, np.ndarray], exact: Mapping[str, np.ndarray]) -> list[dict[str, float]]:
    """{"rmse", "max_abs", "nonfinite"} of each output of `reference` against `exact`; {} of whole numbers."""
    found: list[dict[str, float]] = []
    for own, right in zip(map(values, reference.values()), map(values, exact.values()), strict=True):
        if own.dtype.kind in "biu":
            found.append({})
            continue
        error = figures(own, right, TOLERANCES["float64"], "float64")
        found.append({name: getattr(error, name) for name in ("rmse", "max_abs", "nonfinite")})
    return found


def misfit(reference: Mapping[str, np.ndarray], exact: Mapping[str, np.ndarray]) -> str:
    """Why outputs of float64 have another structure than those of the trial's dtype, or ""."""
    if len(reference) != len(exact):
        return f"{len(exact)} outputs in float64, {len(reference)} otherwise"
    for (name, own), right in zip(reference.items(), exact.values(), strict=True):
        if own.shape != right.shape:
            return f"{name} has shape {list(right.shape)} in float64, {list(own.shape)} otherwise"
        if _kind(own) != _kind(right):
            return f"{name} is {right.dtype} in float64, {own.dtype} otherwise"
    return ""


def too_large(errors: Sequence[Mapping[str, float]], exact: Mapping[str, np.ndarray], dtype: str) -> str:
    """Why float64 cannot judge `dtype`, or "": NaN or infinities stand elsewhere, or the reference's own error
    is so large (a tenth of the output's size) that it would excuse any other."""
    for error, (name, right) in zip(errors, exact.items(), strict=True):
        if not error:
            continue
        if error["nonfinite"]:
            return f"{name} has NaN or infinities in float64 where {dtype} has none, or the other way round"
        right = values(right).reshape(-1)
        finite = right[np.isfinite(right)]
        with np.errstate(over="ignore"):
            size = math.sqrt(np.mean(np.abs(finite) ** 2)) if finite.size else 0.0
        allowed = max(_NEAR * size, TOLERANCES[dtype].scaled(right.view(right.real.dtype)))
        if not (math.isfinite(error["rmse"]) and error["rmse"] <= allowed):
            return f"the error of {name} in {dtype} is {error['rmse']:.2g}, its size {size:.2g}"
    return ""


def _kind(array: np.ndarray) -> str:
    """f, c, or the very dtype of whole numbers."""
    array = values(array)
    return array.dtype.kind if array.dtype.kind in "fc" else array.dtype.name
