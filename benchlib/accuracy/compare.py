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

from benchlib.accuracy.few_bits import judge_few_bits
from benchlib.accuracy.figures import exact_figures, figures, rmse
from benchlib.accuracy.gates import Verdict, judge
from benchlib.accuracy.provable import Sets, proves_nothing
from benchlib.accuracy.ranking import HALF, agreement, ranks_classes
from benchlib.accuracy.stack import UNIT, Stack, spread_of, stacked
from benchlib.accuracy.tolerances import TOLERANCES, Tolerance
from benchlib.record.metrics import Metrics
from benchlib.record.record import OutputComparison
from benchlib.tensors import dtype_of, thinned, values

FEW_BITS_DIFFER = 0.05  # of the whole numbers that a way of few bits gives


@dataclass
class Check:
    """The comparison of one session's outputs with those that count as right."""

    equal: bool
    problem: str = ""  # why it is not, in words
    metrics: Metrics = field(default_factory=Metrics)
    rows: list[OutputComparison] = field(default_factory=list)  # the figures of each output for each set of inputs
    unverified: str = ""  # why these outputs can prove nothing, "" where they can


@dataclass(frozen=True)
class _Output:
    """One output over the sets of inputs: of the candidate, the reference, and float64 (None: there is none)."""

    position: int
    name: str
    sets: Sequence[int]
    candidate: Sequence[np.ndarray]
    reference: Sequence[np.ndarray]
    exact: Sequence[np.ndarray] | None
    ranked: bool  # whether its last axis holds classes

    @property
    def right(self) -> Sequence[np.ndarray]:
        return self.reference if self.exact is None else self.exact

    @property
    def whole(self) -> bool:
        """Whether it holds whole numbers."""
        return values(self.reference[0]).dtype.kind in "biu"

    def only(self, places: Sequence[int], thin: bool = False) -> _Output:
        """Of the sets at these places; thinned as the derived sets of a large output are."""

        def chosen(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
            return [thinned(arrays[place]) if thin else arrays[place] for place in places]

        exact = None if self.exact is None else chosen(self.exact)
        sets = [self.sets[place] for place in places]
        return replace(
            self, sets=sets, candidate=chosen(self.candidate), reference=chosen(self.reference), exact=exact
        )


@dataclass(frozen=True)
class _Judged:
    """How an output fares over some sets of inputs together."""

    passes: str  # the rule; "" where it is wrong
    problem: str = ""
    slice: str = ""
    share: float | None = None  # of its bound that the worst slice uses
    loose: bool = False
    noisy: float = 0.0


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
    for number, outputs in reference.items():
        if problem := _structure_problem(candidate[number], outputs):
            return Check(False, (_where(number) if len(reference) > 1 else "") + problem, metrics)
    # The reference's own error is that of the way only where both compute in the same dtype.
    outputs = _outputs(candidate, reference, exact, task)
    rule = _Rule(tolerance, dtype, exact is not None and tolerance.dtype in ("", dtype))
    rows: list[OutputComparison] = []
    problems, noisy, loose = [], False, 0
    for output in outputs:
        verdict = _verdict(output, rule)
        alone = {} if verdict.passes else {n: _verdict(output.only([i]), rule) for i, n in enumerate(output.sets)}
        rows += [_row(output, place, verdict, alone, rule) for place in range(len(output.sets))]
        if not verdict.passes:
            problems.append(_first_wrong(output, verdict, alone))
        noisy, loose = noisy or verdict.noisy > 0.5, loose + verdict.loose
    rows.sort(key=lambda row: (list(reference).index(int(row.inputs)), row.output))
    unverified, share = proves_nothing([output.right for output in outputs], dtype)
    if not unverified and noisy:
        unverified = f"the error of {dtype} itself exceeds what the outputs vary by, in most of their slices"
    metrics |= worst(rows) | {"passes_by_tolerance": loose, "outputs_unproven": share}
    # What goes wrong for the other sets alone has been right for the recorded inputs: a constant in their place.
    recorded = any(row.inputs == 0 for row in rows) and all(row.passes for row in rows if row.inputs == 0)
    where = "right for the recorded inputs alone; " if recorded and any(p for p, _ in problems) else ""
    return Check(not problems, where + "; ".join(p + text for p, text in problems), metrics, rows, unverified)


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


@dataclass(frozen=True)
class _Rule:
    """By what all outputs of a session are judged."""

    tolerance: Tolerance
    dtype: str  # of the trial
    known: bool  # whether the reference's own error is known, in the dtype that the way computes in


def _outputs(candidate: Sets, reference: Sets, exact: Sets | None, task: str) -> list[_Output]:
    sets = list(reference)
    found = []
    for position, (name, array) in enumerate(next(iter(reference.values())).items()):
        taken = [
            None if outputs is None else [list(outputs[number].values())[position] for number in sets]
            for outputs in (candidate, reference, exact)
        ]
        ranked = ranks_classes(name, values(array), task)
        found.append(_Output(position, name, sets, taken[0] or [], taken[1] or [], taken[2], ranked))
    return found


def _verdict(output: _Output, rule: _Rule) -> _Judged:
    """How an output fares over all its sets together; sets for which it has another shape stand apart."""
    if not any(array.size for array in output.reference):
        return _Judged("exact")
    if output.whole:
        return _judge_whole(output, rule)
    verdicts = [_judge_floats(part, rule) for part in _parts(output)]
    wrong = next((v for v in verdicts if not v.passes), None)
    chosen = wrong or max(verdicts, key=lambda v: v.share or 0.0)
    return replace(chosen, loose=any(v.loose for v in verdicts), noisy=max(v.noisy for v in verdicts))


def _parts(output: _Output) -> list[_Output]:
    """The sets of one shape each. The recorded one, which alone is compared in full, stands with the thinned too."""
    shapes = [array.shape for array in output.reference]
    parts = [output.only([i for i, s in enumerate(shapes) if s == shape]) for shape in dict.fromkeys(shapes)]
    if len(parts) == 2 and len(parts[0].sets) == 1:
        thin = output.only(range(len(shapes)), thin=True)
        if len({array.shape for array in thin.reference}) == 1:
            parts[1] = thin
    return [part for part in parts if part.reference[0].size]


def _judge_whole(output: _Output, rule: _Rule) -> _Judged:
    """Whole numbers: those of either rounding. Of a dtype coarser than float32, or of few bits, some may differ."""
    wrong = own = size = 0
    for found, expected, right in zip(output.candidate, output.reference, output.right, strict=True):
        found, expected, right = values(found), values(expected), values(right)
        wrong += int(((found != expected) & (found != right)).sum())
        own += int((expected != right).sum())
        size += expected.size
    allowed = 0.0
    if rule.tolerance.correlation:
        allowed = max(1.0, FEW_BITS_DIFFER * size)
    elif UNIT.get(rule.tolerance.dtype or rule.dtype, 0.0) > UNIT["float32"]:
        allowed = max(1.0, rule.tolerance.multiple * own)
    if wrong <= allowed:
        return _Judged("exact" if not wrong else "eager's error", share=wrong / allowed if allowed else 0.0)
    return _Judged("", f"{wrong} of {size} elements are off", share=math.inf)


def _judge_floats(output: _Output, rule: _Rule) -> _Judged:
    stack = stacked(output.sets, output.candidate, output.reference, output.exact)
    tolerance = rule.tolerance
    if stack.nonfinite:
        text = f"{stack.nonfinite} elements are NaN or infinite in one and not in the other"
        return _Judged("", text, share=math.inf)
    by_slice = judge(stack, replace(tolerance, spread_share=0.0) if tolerance.reason else tolerance, rule.known, output.ranked)
    if tolerance.reason and _within(output, tolerance):
        return _Judged("tolerance", slice=by_slice.slice, noisy=by_slice.noisy)
    if tolerance.correlation:
        return _judge_likeness(output, stack, rule)
    if by_slice.passes:
        passes = by_slice.passes
        return _Judged(passes, "", by_slice.slice, by_slice.share, by_slice.loose, by_slice.noisy)
    return _Judged("", _words(by_slice, rule), by_slice.slice, by_slice.share, False, by_slice.noisy)


def _words(verdict: Verdict, rule: _Rule) -> str:
    text = f"off by {verdict.error:.3g} (RMS), {verdict.share:.3g} times what is allowed ({verdict.bound:.3g}); it varies by {verdict.spread:.3g}"
    if not rule.known:
        return text
    return text + (f"; its error is {verdict.error / verdict.floor:.3g} times eager's own" if verdict.floor else "")


def _within(output: _Output, tolerance: Tolerance) -> bool:
    """Whether every element is within a tolerance that a study has set."""
    spread = max(map(spread_of, output.right))
    return all(
        not figures(values(found), values(right), tolerance, dtype_of(right), spread).beyond
        for found, right in zip(output.candidate, output.right, strict=True)
    )


def _judge_likeness(output: _Output, stack: Stack, rule: _Rule) -> _Judged:
    alike = judge_few_bits(stack, rule.tolerance, output.ranked)
    if alike.problem:
        return _Judged("", alike.problem, alike.slice, math.inf)
    share = (1 - alike.correlation) / (1 - rule.tolerance.correlation)
    if not output.ranked:
        return _Judged("correlation", "", alike.slice, share)
    ranks = [
        agreement(values(found), values(right), 0.0, HALF)["top5"]
        for found, right in zip(output.candidate, output.right, strict=True)
    ]
    if (top5 := float(np.mean(ranks))) < rule.tolerance.top5:
        text = f"{top5:.0%} of the first five classes (at least {rule.tolerance.top5:.0%})"
        return _Judged("", text, alike.slice, math.inf)
    return _Judged("correlation and classes", "", alike.slice, share)


def _row(
    output: _Output, place: int, verdict: _Judged, alone: Mapping[int, _Judged], rule: _Rule
) -> OutputComparison:
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


def _first_wrong(output: _Output, verdict: _Judged, alone: Mapping[int, _Judged]) -> tuple[str, str]:
    """For which set an output is wrong first, if it is right for the recorded one, and why."""
    number = next((n for n, own in alone.items() if not own.passes), None)
    chosen = verdict if number is None else alone[number]
    place = "".join(f", {chosen.slice}" for _ in range(bool(chosen.slice)))
    text = f"output {output.position} `{output.name}`{place}: {chosen.problem}"
    return (_where(number or 0) if len(output.sets) > 1 else ""), text


def _where(number: int) -> str:
    return f"for input set {number}: " if number else ""


def _structure_problem(outputs: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> str:
    if len(outputs) != len(reference):
        return f"{len(outputs)} outputs instead of {len(reference)}"
    for position, ((name, expected), found) in enumerate(zip(reference.items(), outputs.values(), strict=True)):
        if found.shape != expected.shape:
            return f"output {position} `{name}`: shape {list(found.shape)} instead of {list(expected.shape)}"
        if dtype_of(found) != dtype_of(expected):
            return f"output {position} `{name}`: dtype {dtype_of(found)} instead of {dtype_of(expected)}"
    return ""
