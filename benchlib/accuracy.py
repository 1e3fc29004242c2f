"""Do these outputs equal those of the reference? numpy on arrays.

Structure comes first: number, shape and dtype of the outputs and their NaN and infinity masks have to be
equal, whatever the numbers. Then every element has to be within `atol × max(1, std(reference)) + rtol ×
|reference|`. The tolerances belong to the dtype that was computed in; they are those of whole models, not of
single operators (torch.testing's are 1.3e-6 and 1e-5 for float32).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchlib.tensors import dtype_of, values

# dtype of the computation -> (rtol, atol)
TOLERANCES = {
    "float64": (1e-7, 1e-8),
    "float32": (1e-4, 1e-5),
    "float16": (1e-2, 1e-3),
    "bfloat16": (5e-2, 1e-2),
}
_EPS = {"float64": 2.2e-16, "float32": 1.2e-7, "float16": 9.8e-4, "bfloat16": 7.8e-3}


@dataclass
class Check:
    """The comparison of one session's outputs with the reference's."""

    equal: bool
    problem: str = ""  # why it is not, in words
    metrics: dict[str, Any] = field(default_factory=dict)


def compare(outputs: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray], dtype: str) -> Check:
    """Compares two flat sets of outputs, by position (exporters rename outputs). `dtype` sets the tolerance."""
    rtol, atol = TOLERANCES[dtype]
    metrics: dict[str, Any] = {"tolerance_rel": rtol, "tolerance_abs": atol}
    if len(outputs) != len(reference):
        return Check(False, f"{len(outputs)} outputs instead of {len(reference)}", metrics)
    worst = {"abs": 0.0, "rel": 0.0, "share": 0.0, "dnan": 0, "n": 0}
    total, size, problems = 0.0, 0, []
    for position, (name, expected) in enumerate(reference.items()):
        found = list(outputs.values())[position]
        where = f"output {position} ({name})"
        problem = _structure_problem(found, expected)
        if problem:
            return Check(False, f"{where}: {problem}", metrics)
        result = _numbers(values(found), values(expected), rtol, atol, dtype_of(expected))
        worst = {k: max(worst[k], result[k]) if k in ("abs", "rel", "share") else worst[k] + result[k] for k in worst}
        total, size = total + result["sum"], size + expected.size
        if result["dnan"]:
            problems.append(f"{where}: {result['dnan']} elements are NaN or infinite in one and not in the other")
        elif result["n"]:
            problems.append(
                f"{where}: {result['n']} of {expected.size} elements are off, the farthest by {result['abs']:.3g} "
                f"(tolerance {atol:g} × max(1, std) + {rtol:g} × |reference|)"
            )
    metrics |= {f"discrepancies_{k}": v for k, v in worst.items()}
    metrics["discrepancies_avg"] = total / size if size else 0.0
    return Check(not problems, "; ".join(problems), metrics)


def _structure_problem(found: np.ndarray, expected: np.ndarray) -> str | None:
    if found.shape != expected.shape:
        return f"shape {list(found.shape)} instead of {list(expected.shape)}"
    if dtype_of(found) != dtype_of(expected):
        return f"dtype {dtype_of(found)} instead of {dtype_of(expected)}"
    return None


def _numbers(found: np.ndarray, expected: np.ndarray, rtol: float, atol: float, dtype: str) -> dict[str, Any]:
    """Discrepancies of one output. Exact for integers and booleans; complex numbers by their modulus."""
    if expected.size == 0:
        return {"abs": 0.0, "rel": 0.0, "share": 0.0, "sum": 0.0, "dnan": 0, "n": 0}
    if expected.dtype.kind in "biu":
        off = found != expected
        distance = np.abs(found.astype(np.float64) - expected.astype(np.float64))
        relative = distance / np.maximum(np.abs(expected.astype(np.float64)), 1)
        return _summary(distance, relative, np.where(off, np.inf, 0.0), 0)
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    found, expected = found.astype(wide), expected.astype(wide)
    finite = np.isfinite(expected)
    same = finite == np.isfinite(found)
    # Infinities have to agree in sign; NaN equals NaN here.
    same &= finite | (np.isnan(found) == np.isnan(expected)) & (np.isnan(expected) | (found == expected))
    both = finite & np.isfinite(found)
    distance = np.zeros(expected.shape)
    distance[both] = np.abs(found[both] - expected[both])
    size = np.where(both, np.abs(expected), 0)
    spread = float(np.std(expected[finite])) if finite.any() else 0.0
    share = distance / (atol * max(1.0, spread) + rtol * size)
    floor = max(_EPS.get(dtype, 1.2e-7) * float(size.max(initial=0)), np.finfo(np.float64).tiny)
    return _summary(distance, distance / (size + floor), share, int((~same).sum()))


def _summary(distance: np.ndarray, relative: np.ndarray, share: np.ndarray, dnan: int) -> dict[str, Any]:
    """`share` is what each element uses of its tolerance: above 1 it is off."""
    return {
        "abs": float(distance.max()),
        "rel": float(relative.max()),
        "share": float(share.max()),
        "sum": float(distance.sum()),
        "dnan": dnan,
        "n": int((share > 1).sum()),
    }
