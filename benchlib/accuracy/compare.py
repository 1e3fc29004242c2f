"""The verdict: do the outputs of a session equal those that count as right?

Structure comes first: number, shapes and dtypes of the outputs have to be those of the reference (the judge's way in
the trial's own dtype), and NaN, infinities and the extremes that models mask with have to stand where they stand there
or in the ground truth. Then each output is judged over all sets of inputs together, slice by slice (`gates`), or, of a
way that computes in 8 or 4 bits, by how it goes along with what is right (`few_bits`). Integers and booleans are exact
down to float32. The ground truth itself is looked at too: where it proves nothing, the check says so (`provable`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchlib.accuracy.figures import exact_figures, figures, rmse
from benchlib.accuracy.provable import Sets, proves_nothing
from benchlib.accuracy.ranking import HALF, agreement, ranks_classes
from benchlib.accuracy.stack import spread_of
from benchlib.accuracy.tolerances import TOLERANCES, Tolerance
from benchlib.accuracy.verdict import Judged, Output, Rule, verdict_on
from benchlib.record import OutputComparison
from benchlib.record.metrics import Metrics
from benchlib.tensors import dtype_of, values

MOST = 0.5  # of an output's slices
_WHERE = "for input set "


@dataclass
class Check:
    """The comparison of one session's outputs with those that count as right."""

    equal: bool
    problem: str = ""  # why it is not, in words
    metrics: Metrics = field(default_factory=Metrics)
    rows: list[OutputComparison] = field(default_factory=list)  # the figures of each output for each set of inputs
    unverified: str = ""  # why these outputs can prove nothing, "" where they can


def compare(
    candidate: Sets,
    reference: Sets,
    dtype: str,
    *,
    exact: Sets | None = None,
    tolerance: Tolerance | None = None,
    task: str = "",
) -> Check:
    """Compares the outputs for several sets of inputs, by position (exporters rename outputs).

    Args:
        candidate: those of a session, by the number of the set of inputs, then by name; bfloat16 as its bits.
        reference: those of the judge's way in `dtype`, for the same sets.
        dtype: what the trial computes in, by torch's name.
        exact: those of float64, which then count as right; else those of the reference do.
        tolerance: what may be off; that of `dtype` unless given.
        task: what the model is for, which tells whether there are logits.
    """
    tolerance = tolerance or TOLERANCES[dtype]
    metrics = Metrics(
        tolerance_rel=tolerance.rtol,
        tolerance_abs=tolerance.atol,
        tolerance_spread=tolerance.spread_share,
        tolerance_cosine=tolerance.correlation,
        tolerance_reason=tolerance.reason,
    )
    for number, expected in reference.items():
        if problem := _structure_problem(candidate[number], expected):
            return Check(False, (_where(number) if len(reference) > 1 else "") + problem, metrics)
    rule = Rule(tolerance, dtype, exact is not None)
    outputs = _outputs(candidate, reference, exact, task)
    compared = [_compare_output(output, rule) for output in outputs]
    rows = [rows[place] for place in range(len(reference)) for rows, _, _ in compared]
    problems = [problem for _, _, problem in compared if problem]
    metrics |= worst(rows) | {"passes_by_tolerance": sum(judged.loose for _, judged, _ in compared)}
    unproven = proves_nothing({output.name: output.right for output in outputs}, dtype)
    metrics |= {"outputs_unproven": unproven.share, "outputs_constant": ", ".join(unproven.constant)}
    unverified = unproven.reason
    if not unverified and any(judged.noisy > MOST for _, judged, _ in compared):
        unverified = f"the error of {dtype} itself exceeds what the outputs vary by, in most of their slices"
    return Check(not problems, _first_words(rows, problems) + "; ".join(problems), metrics, rows, unverified)


def _first_words(rows: Sequence[OutputComparison], problems: Sequence[str]) -> str:
    """What goes wrong for other sets alone has been right for the recorded inputs: a constant in their place."""
    recorded = [row.passes for row in rows if row.inputs == 0]
    elsewhere = any(problem.startswith(_WHERE) for problem in problems)
    return "right for the recorded inputs alone; " if elsewhere and recorded and all(recorded) else ""


def _compare_output(output: Output, rule: Rule) -> tuple[list[OutputComparison], Judged, str]:
    """The figures of an output for each set, how it fares over all of them, and its problem in words, if any."""
    judged = verdict_on(output, rule)
    alone = {} if judged.passes else {n: verdict_on(output.only([i]), rule) for i, n in enumerate(output.sets)}
    rows = [_row(output, place, judged, alone, rule) for place in range(len(output.sets))]
    return rows, judged, "" if judged.passes else _first_wrong(output, judged, alone)


def discrepancies(
    outputs: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray], tolerance: Tolerance
) -> Metrics:
    """The metrics `discrepancies_*`: over all outputs, which have the reference's structure, against it alone."""
    rows = [
        exact_figures(values(found), (values(expected),))
        if values(expected).dtype.kind in "biu"
        else figures(values(found), values(expected), tolerance, dtype_of(expected), spread_of(expected))
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
        by_slice = max(rows, key=lambda row: -1.0 if row.slice_share is None else row.slice_share)
        metrics["slice_share"] = by_slice.slice_share
        metrics["worst_slice"] = ", ".join(
            filter(None, [f"output {by_slice.output} `{by_slice.name}`", by_slice.worst_slice])
        )
    return Metrics({name: value for name, value in metrics.items() if value is not None})


def _outputs(candidate: Sets, reference: Sets, exact: Sets | None, task: str) -> list[Output]:
    sets = list(reference)
    found = []
    for position, (name, array) in enumerate(next(iter(reference.values())).items()):
        taken = [
            None if outputs is None else [list(outputs[number].values())[position] for number in sets]
            for outputs in (candidate, reference, exact)
        ]
        ranked = ranks_classes(name, values(array), task)
        found.append(Output(position, name, sets, taken[0] or [], taken[1] or [], taken[2], ranked))
    return found


def _row(output: Output, place: int, verdict: Judged, alone: Mapping[int, Judged], rule: Rule) -> OutputComparison:
    """An output for one set of inputs with its figures, and by which rule it passes, over all sets or alone."""
    found, expected, right = (values(a[place]) for a in (output.candidate, output.reference, output.right))
    number = output.sets[place]
    own = alone.get(number, verdict)
    passes = own.passes if verdict.passes or not all(v.passes for v in alone.values()) else ""
    row = OutputComparison(
        output.position,
        output.name,
        list(output.reference[place].shape),
        dtype_of(output.reference[place]),
        passes,
        number,
        worst_slice=verdict.slice,
        slice_share=verdict.share,
    )
    if output.whole:
        return replace(row, **vars(exact_figures(found, (right, expected))))
    row = replace(row, **vars(figures(found, right, rule.tolerance, row.dtype, spread_of(right))))
    if output.ranked and not row.nonfinite:
        margin = (0.0, HALF) if rule.tolerance.correlation else (row.atol or 0.0, rule.tolerance.rtol)
        ranks = agreement(found, right, *margin)
        row = replace(row, top1=ranks.get("top1"), top5=ranks.get("top5"))
    if output.exact is not None and not rule.tolerance.correlation:
        eager = rmse(expected, right)
        error = row.rmse or 0.0
        row = replace(row, rmse_eager=eager, rmse_ratio=error / eager if eager else (math.inf if error else 1.0))
    return row


def _first_wrong(output: Output, verdict: Judged, alone: Mapping[int, Judged]) -> str:
    """Why an output is wrong: for the first set for which it is so alone, or over all together."""
    number = next((n for n, own in alone.items() if not own.passes), 0)
    chosen = verdict if all(own.passes for own in alone.values()) else alone[number]
    where = _where(number) if len(output.sets) > 1 else ""
    place = f", {chosen.slice}" if chosen.slice else ""
    return f"{where}output {output.position} `{output.name}`{place}: {chosen.problem}"


def _where(number: int) -> str:
    return f"{_WHERE}{number}: " if number else ""


def _structure_problem(outputs: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> str:
    if len(outputs) != len(reference):
        return f"{len(outputs)} outputs instead of {len(reference)}"
    for position, ((name, expected), found) in enumerate(zip(reference.items(), outputs.values(), strict=True)):
        if found.shape != expected.shape:
            return f"output {position} `{name}`: shape {list(found.shape)} instead of {list(expected.shape)}"
        if dtype_of(found) != dtype_of(expected):
            return f"output {position} `{name}`: dtype {dtype_of(found)} instead of {dtype_of(expected)}"
    return ""
