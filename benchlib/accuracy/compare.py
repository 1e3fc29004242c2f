"""The verdict: do the outputs of a session equal those that count as right?

Structure comes first: number, shapes and dtypes of the outputs have to be those of the reference (the judge's
way in the trial's own dtype), and NaN and infinities those of the judge, whatever the numbers. Then each output
has to be within its tolerance of the judge element by element; or, where the judge is float64, its error has to
be like the one that the reference itself has: an RMSE of at most `multiple` times the reference's plus a tenth
of the absolute tolerance (the rule of torch's dynamo), and no element off by more than ten times what is
tolerated or ten times what the reference's worst is off by. Integers and booleans have to be exact. What computes in
8 or 4 bits is judged by cosine similarity and ranked classes instead (`tolerances`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchlib.accuracy.figures import exact_figures, figures
from benchlib.accuracy.own_error import own_error
from benchlib.accuracy.ranking import agreement, ranks_classes
from benchlib.accuracy.tolerances import FEW, TOLERANCES, Tolerance
from benchlib.tensors import dtype_of, values

FARTHEST = 10  # times the tolerance, or the reference's own worst, that an element may be off at all


@dataclass
class Check:
    """The comparison of one session's outputs with those that count as right."""

    equal: bool
    problem: str = ""  # why it is not, in words
    metrics: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)  # the figures of each output (see benchlib.record)


def compare(
    outputs: Mapping[str, np.ndarray],
    reference: Mapping[str, np.ndarray],
    dtype: str,
    *,
    exact: Mapping[str, np.ndarray] | None = None,
    own: Sequence[Mapping[str, float]] | None = None,
    tolerance: Tolerance | None = None,
    task: str = "",
) -> Check:
    """Compares flat sets of outputs, by position (exporters rename outputs).

    `reference` holds those of the judge's way in `dtype`, `exact` those of float64, which then judges; `own`
    is the reference's own error where it is known already (`own_error`). `task` tells whether there are logits.
    """
    tolerance = tolerance or TOLERANCES[dtype]
    metrics: dict[str, Any] = {
        "tolerance_rel": tolerance.rtol,
        "tolerance_abs": tolerance.atol,
        "tolerance_cosine": tolerance.cosine,
        "tolerance_reason": tolerance.reason,
    }
    problem = _structure_problem(outputs, reference)
    if problem:
        return Check(False, problem, metrics)
    judges = list((exact or reference).values())
    own = own_error(reference, exact) if exact and own is None else own
    rows, problems = [], []
    for position, ((name, expected), found) in enumerate(zip(reference.items(), outputs.values(), strict=True)):
        row = {"output": position, "name": name, "shape": list(expected.shape), "dtype": dtype_of(expected)}
        arrays = values(found), values(expected), values(judges[position])
        row |= _row(*arrays, own[position] if exact else None, tolerance, row, task)
        rows.append(row)
        if problem := _problem(row, expected.size, tolerance):
            problems.append(f"output {position} ({name}): {problem}")
    return Check(not problems, "; ".join(problems), metrics | worst(rows), rows)


def discrepancies(
    outputs: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray], tolerance: Tolerance
) -> dict[str, Any]:
    """The metrics `discrepancies_*`: over all outputs, which have the reference's structure, against it alone."""
    rows = [
        exact_figures(values(found), (values(expected),))
        if values(expected).dtype.kind in "biu"
        else figures(values(found), values(expected), tolerance, dtype_of(expected))
        for found, expected in zip(outputs.values(), reference.values(), strict=True)
    ]
    size = sum(expected.size for expected in reference.values())
    total = sum(row["mean_abs"] * expected.size for row, expected in zip(rows, reference.values(), strict=True))
    return {
        "discrepancies_abs": max((row["max_abs"] for row in rows), default=0.0),
        "discrepancies_rel": max((row["max_rel"] for row in rows), default=0.0),
        "discrepancies_share": max((row["share"] for row in rows), default=0.0),
        "discrepancies_dnan": sum(row["nonfinite"] for row in rows),
        "discrepancies_n": sum(row["beyond"] for row in rows),
        "discrepancies_avg": total / size if size else 0.0,
    }


def combined(checks: Mapping[int, Check]) -> Check:
    """The comparisons at several sets of inputs as one; set 0 holds the recorded inputs."""
    rows = [{"inputs": number, **row} for number, check in checks.items() for row in check.rows]
    number, failed = next(((n, c) for n, c in checks.items() if not c.equal), (0, checks[0]))
    where = f"right for the recorded inputs alone; for permuted inputs {number}: " if number else ""
    metrics = {**checks[0].metrics, **worst(rows)}
    return Check(failed.equal, where + failed.problem if failed.problem else "", metrics, rows)


def worst(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The metrics of several outputs: of each figure the worst; the three of RMSE belong to one output."""

    def known(name: str) -> list[float]:
        return [row[name] for row in rows if row.get(name) is not None]

    found: dict[str, Any] = {
        "tolerance_share": max(known("share"), default=None),
        "elements_beyond": sum(known("beyond")),
        "error_q999": max(known("q999_abs"), default=None),
        "cosine": min(known("cosine"), default=None),
        "top1_agreement": min(known("top1"), default=None),
        "top5_overlap": min(known("top5"), default=None),
    }
    by_error = max(rows, key=lambda row: (row.get("rmse_ratio") or 0.0, row.get("rmse") or 0.0), default={})
    found |= {name: by_error.get(name) for name in ("rmse", "rmse_eager", "rmse_ratio")}
    return {name: value for name, value in found.items() if value is not None}


def _structure_problem(outputs: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> str:
    if len(outputs) != len(reference):
        return f"{len(outputs)} outputs instead of {len(reference)}"
    for position, ((name, expected), found) in enumerate(zip(reference.items(), outputs.values(), strict=True)):
        if found.shape != expected.shape:
            return f"output {position} ({name}): shape {list(found.shape)} instead of {list(expected.shape)}"
        if dtype_of(found) != dtype_of(expected):
            return f"output {position} ({name}): dtype {dtype_of(found)} instead of {dtype_of(expected)}"
    return ""


def _row(found, expected, judge, own: Mapping | None, tolerance: Tolerance, about: dict, task: str) -> dict[str, Any]:
    """The figures of one output, and by which rule it passes: exact, tolerance, eager's error, or none ("")."""
    if expected.dtype.kind in "biu":
        row = exact_figures(found, (judge, expected))
        return row | {"passes": "" if row["beyond"] else "exact"}
    row = figures(found, judge, tolerance, about["dtype"])
    if tolerance.cosine:
        if ranks_classes(about["name"], judge, task) and not row["nonfinite"]:
            row |= agreement(found, judge, row["atol"], tolerance.rtol)
        return row | {"passes": _by_direction(row, expected.size, tolerance)}
    passes = "tolerance" if not (row["beyond"] or row["nonfinite"]) else ""
    if own is not None:
        row |= {"rmse_eager": own["rmse"], "rmse_ratio": _ratio(row["rmse"], own["rmse"])}
        alike = row["rmse"] <= tolerance.multiple * own["rmse"] + row["atol"] / 10
        near = row["share"] <= FARTHEST or row["max_abs"] <= FARTHEST * own["max_abs"]
        passes = passes or ("eager's error" if alike and near and not row["nonfinite"] else "")
    if ranks_classes(about["name"], judge, task) and not row["nonfinite"]:
        row |= agreement(found, judge, row["atol"], tolerance.rtol)
    return row | {"passes": passes}


def _by_direction(row: dict, size: int, tolerance: Tolerance) -> str:
    """How an output of few bits passes: "cosine", and "cosine and classes" where it ranks any; "" if it does not."""
    if row["nonfinite"] or (size < FEW and row["beyond"]):
        return ""
    similar = row["cosine"] is None and not row["max_abs"]  # all zeros, both
    if not similar and (row["cosine"] or 0.0) < tolerance.cosine:
        return ""
    if "top5" not in row:
        return "cosine"
    return "cosine and classes" if row["top5"] >= tolerance.top5 else ""


def _problem(row: dict, size: int, tolerance: Tolerance) -> str:
    if row["passes"]:
        return ""
    if row["nonfinite"]:
        return f"{row['nonfinite']} elements are NaN or infinite in one and not in the other"
    if tolerance.cosine and row.get("cosine") is not None:
        text = f"cosine similarity {row['cosine']:.4f} (at least {tolerance.cosine:g} is wanted)"
        if "top5" in row:
            text += f", {row['top5']:.0%} of the first five classes (at least {tolerance.top5:.0%})"
        return text
    text = f"{row['beyond']} of {size} elements are off, the farthest by {row['max_abs']:.3g}"
    if "rmse" not in row:
        return text
    text += f" (tolerance {tolerance.atol:g} × max(1, std) + {tolerance.rtol:g} × |reference|)"
    return text + (f"; its error is {row['rmse_ratio']:.3g} times eager's own" if "rmse_ratio" in row else "")


def _ratio(error: float, own: float) -> float:
    return error / own if own else (math.inf if error else 1.0)
