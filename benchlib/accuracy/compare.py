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
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from benchlib.accuracy.figures import exact_figures, figures
from benchlib.accuracy.own_error import own_error
from benchlib.accuracy.ranking import agreement, ranks_classes
from benchlib.accuracy.tolerances import FEW, TOLERANCES, Tolerance
from benchlib.record.metrics import Metrics
from benchlib.record.record import OutputComparison
from benchlib.tensors import dtype_of, values

FARTHEST = 10  # times the tolerance, or the reference's own worst, that an element may be off at all


@dataclass(frozen=True)
class Exact:
    """The outputs in float64, in the order of the reference's."""

    outputs: Mapping[str, np.ndarray]
    own_errors: Sequence[Mapping[str, float]] | None = None  # `own_error` of the reference where it is known already


@dataclass
class Check:
    """The comparison of one session's outputs with those that count as right."""

    equal: bool
    problem: str = ""  # why it is not, in words
    metrics: Metrics = field(default_factory=Metrics)
    rows: list[OutputComparison] = field(default_factory=list)  # the figures of each output


def compare(
    outputs: Mapping[str, np.ndarray],
    reference: Mapping[str, np.ndarray],
    dtype: str,
    *,
    exact: Exact | None = None,
    tolerance: Tolerance | None = None,
    task: str = "",
) -> Check:
    """Compares flat sets of outputs, by position (exporters rename outputs).

    Args:
        outputs: those of a session, by name.
        reference: those of the judge's way in `dtype`.
        dtype: what the trial computes in, by torch's name.
        exact: those of float64, which then judges.
        tolerance: what may be off; that of `dtype` unless given.
        task: what the model is for, which tells whether there are logits.
    """
    tolerance = tolerance or TOLERANCES[dtype]
    metrics = Metrics(
        tolerance_rel=tolerance.rtol,
        tolerance_abs=tolerance.atol,
        tolerance_cosine=tolerance.cosine,
        tolerance_reason=tolerance.reason,
    )
    problem = _structure_problem(outputs, reference)
    if problem:
        return Check(False, problem, metrics)
    judges, own = list(reference.values()), None
    if exact:
        judges, own = list(exact.outputs.values()), exact.own_errors or own_error(reference, exact.outputs)
    rows, problems = [], []
    for position, ((name, expected), found) in enumerate(zip(reference.items(), outputs.values(), strict=True)):
        about = OutputComparison(position, name, list(expected.shape), dtype_of(expected))
        arrays = _Arrays(values(found), values(expected), values(judges[position]))
        row = _row(about, arrays, own[position] if own else None, tolerance, task)
        rows.append(row)
        if problem := _problem(row, expected.size, tolerance):
            problems.append(f"output {position} ({name}): {problem}")
    return Check(not problems, "; ".join(problems), metrics | worst(rows), rows)


def discrepancies(
    outputs: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray], tolerance: Tolerance
) -> Metrics:
    """The metrics `discrepancies_*`: over all outputs, which have the reference's structure, against it alone."""
    rows = [
        exact_figures(values(found), (values(expected),))
        if values(expected).dtype.kind in "biu"
        else figures(values(found), values(expected), tolerance, dtype_of(expected))
        for found, expected in zip(outputs.values(), reference.values(), strict=True)
    ]
    size = sum(expected.size for expected in reference.values())
    total = sum(row.mean_abs * expected.size for row, expected in zip(rows, reference.values(), strict=True))
    return Metrics(
        discrepancies_abs=max((row.max_abs for row in rows), default=0.0),
        discrepancies_rel=max((row.max_rel for row in rows), default=0.0),
        discrepancies_share=max((row.share for row in rows), default=0.0),
        discrepancies_dnan=sum(row.nonfinite for row in rows),
        discrepancies_n=sum(row.beyond for row in rows),
        discrepancies_avg=total / size if size else 0.0,
    )


def combined(checks: Mapping[int, Check]) -> Check:
    """The comparisons at several sets of inputs as one; set 0 holds the recorded inputs."""
    rows = [replace(row, inputs=number) for number, check in checks.items() for row in check.rows]
    number, failed = next(((n, c) for n, c in checks.items() if not c.equal), (0, checks[0]))
    where = f"right for the recorded inputs alone; for permuted inputs {number}: " if number else ""
    metrics = checks[0].metrics | worst(rows)
    return Check(failed.equal, where + failed.problem if failed.problem else "", metrics, rows)


def worst(rows: Sequence[OutputComparison]) -> Metrics:
    """The metrics of several outputs: of each figure the worst; the three of RMSE belong to one output."""

    def known(name: str) -> list[float]:
        return [value for row in rows if (value := getattr(row, name)) is not None]

    metrics = Metrics(
        tolerance_share=max(known("share"), default=None),
        elements_beyond=sum(known("beyond")),
        error_q999=max(known("q999_abs"), default=None),
        cosine=min(known("cosine"), default=None),
        top1_agreement=min(known("top1"), default=None),
        top5_overlap=min(known("top5"), default=None),
    )
    if rows:
        by_error = max(rows, key=lambda row: (row.rmse_ratio or 0.0, row.rmse or 0.0))
        metrics |= {name: getattr(by_error, name) for name in ("rmse", "rmse_eager", "rmse_ratio")}
    return Metrics({name: value for name, value in metrics.items() if value is not None})


def _structure_problem(outputs: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> str:
    if len(outputs) != len(reference):
        return f"{len(outputs)} outputs instead of {len(reference)}"
    for position, ((name, expected), found) in enumerate(zip(reference.items(), outputs.values(), strict=True)):
        if found.shape != expected.shape:
            return f"output {position} ({name}): shape {list(found.shape)} instead of {list(expected.shape)}"
        if dtype_of(found) != dtype_of(expected):
            return f"output {position} ({name}): dtype {dtype_of(found)} instead of {dtype_of(expected)}"
    return ""


class _Arrays(NamedTuple):
    """One output: of the session, of the reference, and of what judges."""

    found: np.ndarray
    expected: np.ndarray
    judge: np.ndarray


def _row(
    about: OutputComparison, arrays: _Arrays, own: Mapping[str, float] | None, tolerance: Tolerance, task: str
) -> OutputComparison:
    """An output with its figures, and by which rule it passes: exact, tolerance, eager's error, or none ("")."""
    found, expected, judge = arrays
    if expected.dtype.kind in "biu":
        row = replace(about, **vars(exact_figures(found, (judge, expected))))
        return replace(row, passes="" if row.beyond else "exact")
    row = replace(about, **vars(figures(found, judge, tolerance, about.dtype)))
    if ranks_classes(about.name, judge, task) and not row.nonfinite:
        ranks = agreement(found, judge, row.atol, tolerance.rtol)
        row = replace(row, top1=ranks.get("top1"), top5=ranks.get("top5"))
    if tolerance.cosine:
        return replace(row, passes=_by_direction(row, expected.size, tolerance))
    passes = "tolerance" if not (row.beyond or row.nonfinite) else ""
    if own is not None:
        row = replace(row, rmse_eager=own["rmse"], rmse_ratio=_ratio(row.rmse, own["rmse"]))
        passes = passes or ("eager's error" if _errs_like_eager(row, own, tolerance) else "")
    return replace(row, passes=passes)


def _errs_like_eager(row: OutputComparison, own: Mapping[str, float], tolerance: Tolerance) -> bool:
    """Whether an output is about as far from the truth as eager's, and no element of it much farther."""
    alike = row.rmse <= tolerance.multiple * own["rmse"] + row.atol / 10
    near = row.share <= FARTHEST or row.max_abs <= FARTHEST * own["max_abs"]
    return bool(alike and near and not row.nonfinite)


def _by_direction(row: OutputComparison, size: int, tolerance: Tolerance) -> str:
    """How an output of few bits passes: "cosine", and "cosine and classes" where it ranks any; "" if it does not."""
    if row.nonfinite or (size < FEW and row.beyond):
        return ""
    similar = row.cosine is None and not row.max_abs  # all zeros, both
    if not similar and (row.cosine or 0.0) < tolerance.cosine:
        return ""
    if row.top5 is None:
        return "cosine"
    return "cosine and classes" if row.top5 >= tolerance.top5 else ""


def _problem(row: OutputComparison, size: int, tolerance: Tolerance) -> str:
    if row.passes:
        return ""
    if row.nonfinite:
        return f"{row.nonfinite} elements are NaN or infinite in one and not in the other"
    if tolerance.cosine and row.cosine is not None:
        text = f"cosine similarity {row.cosine:.4f} (at least {tolerance.cosine:g} is wanted)"
        if row.top5 is not None:
            text += f", {row.top5:.0%} of the first five classes (at least {tolerance.top5:.0%})"
        return text
    text = f"{row.beyond} of {size} elements are off, the farthest by {row.max_abs:.3g}"
    if row.rmse is None:
        return text
    text += f" (tolerance {tolerance.atol:g} × max(1, std) + {tolerance.rtol:g} × |reference|)"
    return text + (f"; its error is {row.rmse_ratio:.3g} times eager's own" if row.rmse_ratio is not None else "")


def _ratio(error: float, own: float) -> float:
    return error / own if own else (math.inf if error else 1.0)
