"""The numbers of one output against the one that counts as right."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchlib.accuracy.tolerances import Tolerance

BLOCK = 1 << 15  # elements at once: what fits into a core's cache is gone through several times as fast
EPS = {"float16": 9.8e-4, "bfloat16": 7.8e-3, "float32": 1.2e-7, "complex64": 1.2e-7}  # float64's elsewhere


@dataclass(frozen=True)
class Figures:
    """Errors of one output against what counts as right. Of complex numbers both parts are elements."""

    max_abs: float  # of |found − judge|, as the next but one
    max_rel: float  # relative to |judge| + eps × max |judge|
    mean_abs: float
    share: float  # what the worst element uses of its tolerance
    beyond: int  # elements that use more than all of it
    nonfinite: (
        int  # elements that are NaN or infinite in one and not the same in the other: they are in no other figure
    )
    q999_abs: float | None = None  # 99.9th percentile of |found − judge|; it and the next ones: None of whole numbers
    rmse: float | None = None
    cosine: float | None = None  # similarity of the two as vectors; None where one of them is zero
    atol: float | None = None  # the absolute tolerance, scaled


def figures(found: np.ndarray, judge: np.ndarray, tolerance: Tolerance, dtype: str, spread: float) -> Figures:
    """The figures of floating or complex `found` against `judge`, two arrays of one shape.

    Args:
        found: of a session.
        judge: what is right.
        tolerance: what may be off.
        dtype: of the outputs.
        spread: RMS deviation of what is right, without the values that mask others.
    """
    found, judge = _parts(found), _parts(judge)
    scaled = tolerance.atol * max(1.0, spread)
    size = len(judge)
    distances, shares, floor = np.zeros(size), 0.0, EPS.get(dtype, 2.2e-16) * _largest(judge)
    beyond = nonfinite = 0
    relative = products = own = right = squares = 0.0
    with np.errstate(over="ignore"):
        for start in range(0, size, BLOCK):
            f = found[start : start + BLOCK].astype(np.float64)
            j = judge[start : start + BLOCK].astype(np.float64)
            usable = np.isfinite(f) & np.isfinite(j)
            if not usable.all():
                # Infinities have to agree in sign; NaN equals NaN here.
                nonfinite += int((~usable & (f != j) & ~(np.isnan(f) & np.isnan(j))).sum())
                f, j = np.where(usable, f, 0.0), np.where(usable, j, 0.0)
            distance, magnitude = np.abs(f - j), np.abs(j)
            share = distance / (scaled + tolerance.rtol * magnitude)
            distances[start : start + BLOCK] = distance
            shares, beyond = max(shares, float(share.max())), beyond + int((share > 1).sum())
            relative = max(relative, float((distance / (magnitude + max(floor, np.finfo(float).tiny))).max()))
            products, own, right, squares = (
                total + float(np.einsum("i,i->", a, b))  # `@` would wake BLAS's threads for each block
                for total, a, b in ((products, f, j), (own, f, f), (right, j, j), (squares, distance, distance))
            )
        mean = float(distances.mean()) if size else 0.0
    return Figures(
        max_abs=float(distances.max(initial=0.0)),
        max_rel=relative,
        mean_abs=mean,
        share=shares,
        beyond=beyond,
        nonfinite=nonfinite,
        q999_abs=float(np.partition(distances, k := math.ceil(0.999 * size) - 1)[k]) if size else 0.0,
        rmse=math.sqrt(squares / size) if size else 0.0,
        cosine=products / math.sqrt(own) / math.sqrt(right) if own and right else None,
        atol=scaled,
    )


def rmse(found: np.ndarray, judge: np.ndarray) -> float:
    """The figure of that name of `figures`, alone."""
    found, judge = _parts(found), _parts(judge)
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.subtract(found, judge, dtype=np.float64)
        if not np.isfinite(squares := float(np.einsum("i,i->", distance, distance))):
            distance = np.where(np.isfinite(distance), distance, 0.0)
            squares = float(np.einsum("i,i->", distance, distance))
    return math.sqrt(squares / distance.size) if distance.size else 0.0


def exact_figures(found: np.ndarray, judges: tuple[np.ndarray, ...]) -> Figures:
    """The figures of integers and booleans, which have to equal one of `judges` exactly: where two roundings of
    the same model disagree about an index, neither is wrong. max_abs is the distance from the first."""
    off = np.logical_and.reduce([found != judge for judge in judges])
    distance = np.where(off, np.abs(found.astype(np.float64) - judges[0].astype(np.float64)), 0.0)
    magnitude = np.maximum(np.abs(judges[0].astype(np.float64)), 1.0)
    beyond = int(off.sum())
    return Figures(
        max_abs=float(distance.max(initial=0.0)),
        max_rel=float((distance / magnitude).max(initial=0.0)),
        mean_abs=float(distance.mean()) if distance.size else 0.0,
        share=math.inf if beyond else 0.0,
        beyond=beyond,
        nonfinite=0,
    )


def _parts(array: np.ndarray) -> np.ndarray:
    """One dimension of numbers; complex ones as both their parts."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def _largest(array: np.ndarray) -> float:
    """The largest finite magnitude."""
    extremes = (float(array.max(initial=0)), float(array.min(initial=0)))
    if not all(map(math.isfinite, extremes)):
        finite = array[np.isfinite(array)]
        extremes = (float(finite.max(initial=0)), float(finite.min(initial=0)))
    return max(map(abs, extremes))
