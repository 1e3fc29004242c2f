"""How one output fares over several sets of inputs, whose structure is settled: which rule it is held to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchlib.accuracy.few_bits import judge_few_bits
from benchlib.accuracy.figures import figures
from benchlib.accuracy.gates import Verdict, judge
from benchlib.accuracy.ranking import HALF, agreement
from benchlib.accuracy.stack import UNIT, Stack, spread_of, stacked
from benchlib.accuracy.tolerances import Tolerance
from benchlib.tensors import dtype_of, thinned, values

FEW_BITS_DIFFER = 0.05  # of the whole numbers that a way of few bits gives


@dataclass(frozen=True)
class Rule:
    """By what all outputs of a session are judged."""

    tolerance: Tolerance
    dtype: str  # of the trial
    exact: bool  # whether float64 is what is right

    @property
    def coarser(self) -> float:
        """How many times as coarse the dtype is that the way computes in as the reference's: a pass to half precision
        has about so many times the reference's error. 0: nobody knows."""
        own = self.tolerance.dtype or self.dtype
        if own == self.dtype:
            return 1.0
        return UNIT[own] / UNIT.get(self.dtype, 2.0**-53) if own in UNIT else 0.0

    @property
    def known(self) -> bool:
        """Whether the error is known that the reference itself has in the dtype that the way computes in."""
        return self.exact and self.coarser > 0


@dataclass(frozen=True)
class Output:
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

    def only(self, places: Sequence[int], thin: bool = False) -> Output:
        """Of the sets at these places; thinned as the derived sets of a large output are."""

        def chosen(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
            return [thinned(arrays[place]) if thin else arrays[place] for place in places]

        exact = None if self.exact is None else chosen(self.exact)
        sets = [self.sets[place] for place in places]
        return replace(self, sets=sets, candidate=chosen(self.candidate), reference=chosen(self.reference), exact=exact)


@dataclass(frozen=True)
class Judged:
    """How an output fares over some sets of inputs together."""

    passes: str  # the rule; "" where it is wrong
    problem: str = ""
    slice: str = ""
    share: float | None = None  # of its bound that the worst slice uses
    loose: bool = False
    noisy: float = 0.0


def verdict_on(output: Output, rule: Rule) -> Judged:
    """How an output fares over all its sets together; sets for which it has another shape stand apart."""
    if not any(array.size for array in output.reference):
        return Judged("exact")
    if output.whole:
        return _judge_whole(output, rule)
    verdicts = [_judge_floats(part, rule) for part in _parts(output)]
    wrong = next((v for v in verdicts if not v.passes), None)
    chosen = wrong or max(verdicts, key=lambda v: v.share or 0.0)
    return replace(chosen, loose=any(v.loose for v in verdicts), noisy=max(v.noisy for v in verdicts))


def _parts(output: Output) -> list[Output]:
    """The sets of one shape each. The recorded one, which alone is compared in full, stands with the thinned too."""
    shapes = [array.shape for array in output.reference]
    parts = [output.only([i for i, s in enumerate(shapes) if s == shape]) for shape in dict.fromkeys(shapes)]
    if len(parts) == 2 and len(parts[0].sets) == 1:
        thin = output.only(range(len(shapes)), thin=True)
        if len({array.shape for array in thin.reference}) == 1:
            parts[1] = thin
    return [part for part in parts if part.reference[0].size]


def _judge_whole(output: Output, rule: Rule) -> Judged:
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
        return Judged("exact" if not wrong else "eager's error", share=wrong / allowed if allowed else 0.0)
    return Judged("", f"{wrong} of {size} elements are off", share=math.inf)


def _judge_floats(output: Output, rule: Rule) -> Judged:
    stack = stacked(output.sets, output.candidate, output.reference, output.exact)
    tolerance = rule.tolerance
    if stack.nonfinite:
        text = f"{stack.nonfinite} elements are NaN or infinite in one and not in the other"
        return Judged("", text, share=math.inf)
    if rule.known and rule.coarser != 1:
        stack = replace(stack, dtype=tolerance.dtype, own=stack.own * rule.coarser)
    by_slice = judge(
        stack, replace(tolerance, spread_share=0.0) if tolerance.reason else tolerance, rule.known, output.ranked
    )
    if tolerance.reason and _within(output, tolerance):
        return Judged("tolerance", slice=by_slice.slice, noisy=by_slice.noisy)
    if tolerance.correlation:
        return _judge_likeness(output, stack, rule)
    if by_slice.passes:
        passes = by_slice.passes
        return Judged(passes, "", by_slice.slice, by_slice.share, by_slice.loose, by_slice.noisy)
    return Judged("", _words(by_slice, rule), by_slice.slice, by_slice.share, False, by_slice.noisy)


def _words(verdict: Verdict, rule: Rule) -> str:
    allowed = f"{verdict.share:.3g} times what is allowed ({verdict.bound:.3g})"
    text = f"off by {verdict.error:.3g} (RMS), {allowed}; it varies by {verdict.spread:.3g}"
    if not rule.known:
        return text
    return text + (f"; its error is {verdict.error / verdict.floor:.3g} times eager's own" if verdict.floor else "")


def _within(output: Output, tolerance: Tolerance) -> bool:
    """Whether every element is within a tolerance that a study has set."""
    spread = max(map(spread_of, output.right))
    return all(
        not figures(values(found), values(right), tolerance, dtype_of(right), spread).beyond
        for found, right in zip(output.candidate, output.right, strict=True)
    )


def _judge_likeness(output: Output, stack: Stack, rule: Rule) -> Judged:
    alike = judge_few_bits(stack, rule.tolerance, output.ranked)
    if alike.problem:
        return Judged("", alike.problem, alike.slice, math.inf)
    share = (1 - alike.correlation) / (1 - rule.tolerance.correlation)
    if not output.ranked:
        return Judged("correlation", "", alike.slice, share)
    ranks = [
        agreement(values(found), values(right), 0.0, HALF)["top5"]
        for found, right in zip(output.candidate, output.right, strict=True)
    ]
    if (top5 := float(np.mean(ranks))) < rule.tolerance.top5:
        text = f"{top5:.0%} of the first five classes (at least {rule.tolerance.top5:.0%})"
        return Judged("", text, alike.slice, math.inf)
    return Judged("correlation and classes", "", alike.slice, share)
