"""Which way is fastest: who is paired directly with whom, and when that is decided. No measuring, no files.

The figures of a matrix are indirect: two ways were each timed beside the reference, in other processes, at another
time. The run-off pairs the best of them directly with every way that it is not clearly ahead of. A direct win is an
interval that excludes 1, at a confidence corrected for the number of pairs and of interim analyses (Bonferroni), and a
ratio beyond a margin of 5 %: the size of difference that pairs of processes can promise on a shared machine. A pair
with a difference beyond the margin that is not certain yet is measured again, twice at most, where that is likely to
decide; all its analyses count together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchlib.measure.reproducibility import between_trials
from benchlib.measure.statistics import Interval

MARGIN = 0.05  # share by which a ratio has to differ from 1
ANALYSES = 3  # of a direct pair, at most
RIVALS = 3  # at most so many ways are paired with the best one
CONFIDENCE = 0.95  # of all direct pairs of a model together


@dataclass(frozen=True)
class Contestant:
    """A way with its indirect figures, of each of which more is faster: the speedup over a reference that all
    contestants share, and calls per second. With 95 % intervals.

    The speedup is free of what the host did to both in one trial, and not of a reference that ran otherwise in another
    trial; the calls are the other way round.
    """

    label: str
    speed: Interval
    calls: Interval | None = None  # None: they are the speed, or not known


@dataclass(frozen=True)
class PairedResult:
    """What one direct pair of ways came to."""

    ratio: Interval | None  # how many times faster than its rival a way is, with the 95 % t interval; None: a failure
    replicates: int = 0  # pairs of processes, over which the interval is
    seconds: float = 0.0  # that each of them took
    failure: str = ""  # why there is no ratio
    source: str = ""  # where it comes from
    analyses: int = 1
    moves: float = 0.0  # half the 95 % interval by which the ratio moves between trials, on the logarithm

    @property
    def published(self) -> Interval:
        """The ratio with what moves between trials in its interval, while decisions have margins instead. Raises
        ValueError where there is no ratio."""
        if self.ratio is None:
            raise ValueError(self.failure)
        return between_trials(self.ratio, self.moves)

    def inverted(self) -> PairedResult:
        """As seen from the rival."""
        return self if self.ratio is None else replace(self, ratio=inverse(self.ratio))

    def pooled_with(self, more: PairedResult) -> PairedResult:
        """Both analyses as one, of the replicates of both, whose mean and spread their intervals tell exactly."""
        if self.ratio is None or more.ratio is None or self.ratio.low is None or more.ratio.low is None:
            return replace(self, analyses=ANALYSES)  # what has failed once is not tried again
        replicates = self.replicates + more.replicates
        moments = _moments(self.ratio, self.replicates), _moments(more.ratio, more.replicates)
        means, spreads = zip(*moments, strict=True)
        mean = (self.replicates * means[0] + more.replicates * means[1]) / replicates
        squares = sum(
            (part.replicates - 1) * spread**2 + part.replicates * (own - mean) ** 2
            for part, own, spread in zip((self, more), means, spreads, strict=True)
        )
        half = _quantile(replicates) * math.sqrt(squares / (replicates - 1) / replicates)
        ratio = Interval(*(math.exp(x) for x in (mean, mean - half, mean + half)))
        seconds = (self.replicates * self.seconds + more.replicates * more.seconds) / replicates
        moves = max(self.moves, more.moves)
        return replace(
            self, ratio=ratio, replicates=replicates, seconds=seconds, analyses=self.analyses + 1, moves=moves
        )

    def with_confidence(self, confidence: float) -> PairedResult:
        """With a t interval of another confidence: on the logarithms its half-width is proportional to the quantile."""
        if self.ratio is None or self.ratio.low is None:
            return self
        value, (low, high) = self.ratio.value, self.ratio.ends
        wider = _quantile(self.replicates, confidence) / _quantile(self.replicates)
        return replace(self, ratio=Interval(value, value * (low / value) ** wider, value * (high / value) ** wider))

    def is_significant(self, margin: float) -> bool:
        """Whether the way wins: its interval excludes 1, and its ratio is beyond the margin."""
        if self.ratio is None or self.ratio.low is None:
            return False
        return self.ratio.low > 1 and self.ratio.value > 1 + margin


@dataclass(frozen=True)
class Pair:
    """What has to be measured next: a way directly against a rival, for the first time or again."""

    way: str
    rival: str
    analysis: int = 1  # the first, the second …


def processes_of(analysis: int, first: int) -> int:
    """How many pairs of processes an analysis takes, where the first one takes `first`: each later one takes one more
    than all before it together, which doubles what there is and is never the trial of an earlier one."""
    return first if analysis == 1 else (first + 1) * 2 ** (analysis - 2)


@dataclass(frozen=True)
class Fastest:
    """A way that won every direct pair it needed."""

    way: str
    wins: dict[str, PairedResult]  # by rival, at the corrected confidence; empty where all others are clearly slower
    unpaired: tuple[str, ...]  # not clearly slower, and beyond the number of rivals


@dataclass(frozen=True)
class Tie:
    """Ways that cannot be told apart, the best first."""

    ways: tuple[str, ...]
    open: dict[str, PairedResult]  # the best one's undecided results by rival
    # Of measuring more that would decide: 0 when every open interval lies within the margin, so that the ways are the
    # same for all practical purposes; None when a pair that is open gave no interval.
    seconds: float | None
    unpaired: tuple[str, ...]


Conclusion = Fastest | Tie


def inverse(ratio: Interval) -> Interval:
    """One divided by a ratio, its interval with it."""
    return Interval(1 / ratio.value, ratio.high and 1 / ratio.high, ratio.low and 1 / ratio.low)


def settle(
    ways: Sequence[Contestant], result: Callable[[Pair], PairedResult | None], clear: float, floor: float = 0.0
) -> Conclusion | Pair:
    """Asks `result(pair)` for one direct pair after the other until there is a conclusion.

    Returns the pair that is missing when `result` has none to give. The other arguments are those of `decide`.
    """
    direct: dict[tuple[str, str], PairedResult] = {}
    while isinstance(step := decide(ways, direct, clear, floor), Pair):
        more = result(step)
        if more is None:
            return step
        before = _between(step.way, step.rival, direct)
        direct.pop((step.rival, step.way), None)
        direct[step.way, step.rival] = more if before is None else before.pooled_with(more)
    return step


def decide(
    ways: Sequence[Contestant], direct: Mapping[tuple[str, str], PairedResult], clear: float, floor: float = 0.0
) -> Conclusion | Pair:
    """The next direct pair, or what the pairs measured so far come to.

    Args:
        ways: at least one.
        direct: results by (way, rival), in whichever direction they were measured.
        clear: the difference (0.1: 10 %) that the level of the indirect figures decides.
        floor: the smallest one that this host can detect.
    """
    margin = max(MARGIN, floor)
    candidates, unpaired = shortlist(ways, clear, floor)
    # Whoever is best among n was chosen out of n: that counts like a pair each.
    comparisons = max(len(direct), len(candidates) + len(unpaired) - 1, 1)
    confidence = 1 - (1 - CONFIDENCE) / comparisons / ANALYSES
    champion, beaten = candidates[0], set()
    while True:
        results: dict[str, PairedResult] = {}
        for rival in candidates:
            if rival == champion:
                continue
            measured = _between(champion, rival, direct)
            if measured is None:
                return Pair(champion, rival)
            results[rival] = measured.with_confidence(confidence)
            if results[rival].inverted().is_significant(margin) and rival not in beaten:
                beaten.add(champion)  # three ways that beat each other in a circle end as a tie
                champion = rival
                break
        else:  # nobody beats the champion
            again = next((r for r, own in results.items() if _is_worth_repeating(own, margin, confidence)), None)
            if again is not None:
                return Pair(champion, again, results[again].analyses + 1)
            return _conclude(champion, results, unpaired, margin)


def shortlist(ways: Sequence[Contestant], clear: float, floor: float = 0.0) -> tuple[list[str], tuple[str, ...]]:
    """The ways between which the run-off decides, the best first, and those that there is no room for.

    Out of it are ways that are clearly slower than the best by all that is known of both: the intervals are apart, and
    so are the figures, by more than `clear`, the margin and `floor`.
    """
    clear = max(clear, MARGIN, floor)
    best, *others = sorted(ways, key=lambda w: -w.speed.value)
    near = [w.label for w in others if not _clearly_slower(w, best, clear)]
    return [best.label, *near[:RIVALS]], tuple(near[RIVALS:])


def _clearly_slower(one: Contestant, best: Contestant, clear: float) -> bool:
    if not _clearly_less(one.speed, best.speed, clear):
        return False
    return one.calls is None or best.calls is None or _clearly_less(one.calls, best.calls, clear)


def _clearly_less(one: Interval, best: Interval, clear: float) -> bool:
    if one.high is None or best.low is None:
        return False
    return one.high < best.low and best.value / one.value > 1 + clear


def _between(way: str, rival: str, direct: Mapping[tuple[str, str], PairedResult]) -> PairedResult | None:
    if (way, rival) in direct:
        return direct[way, rival]
    inverse_result = direct.get((rival, way))
    return inverse_result and inverse_result.inverted()


def _is_worth_repeating(result: PairedResult, margin: float, confidence: float) -> bool:
    """Whether a pair is undecided, and at this mean and spread a way would win if all analyses that are left were
    taken."""
    if result.ratio is None or result.ratio.low is None or result.analyses >= ANALYSES:
        return False
    if result.is_significant(margin) or result.inverted().is_significant(margin):
        return False
    value, (low, high) = abs(math.log(result.ratio.value)), result.ratio.ends
    half = math.log(high / low) / 2
    most = result.replicates * 2 ** (ANALYSES - result.analyses)

    def width(replicates: int) -> float:
        return _quantile(replicates, confidence) / math.sqrt(replicates)

    return value > math.log1p(margin) and half * width(most) / width(result.replicates) < value


def _moments(ratio: Interval, replicates: int) -> tuple[float, float]:
    """Mean and standard deviation of the log ratio over pairs of processes, from its interval."""
    low, high = ratio.ends
    half = math.log(high / low) / 2
    return math.log(ratio.value), half * math.sqrt(replicates) / _quantile(replicates)


def _quantile(replicates: int, confidence: float = CONFIDENCE) -> float:
    from scipy.special import stdtrit  # as `statistics.mean_interval`

    return float(stdtrit(replicates - 1, (1 + confidence) / 2))


def _conclude(champion: str, results: dict[str, PairedResult], unpaired: tuple[str, ...], margin: float) -> Conclusion:
    undecided = {rival: result for rival, result in results.items() if not result.is_significant(margin)}
    if not undecided:
        return Fastest(champion, results, unpaired)
    more = [_seconds_more(result, margin) for result in undecided.values()]
    known = [seconds for seconds in more if seconds is not None]
    return Tie((champion, *undecided), undecided, sum(known) if len(known) == len(more) else None, unpaired)


def _seconds_more(result: PairedResult, margin: float) -> float | None:
    """Seconds until the interval would decide: pairs needed ≈ pairs · (half-width ÷ distance)², less those there are.

    The distance is that to 1 for a ratio beyond the margin, else that to the margin: an interval inside it decides
    too, since no more measuring would matter then.
    """
    if result.ratio is None or result.ratio.low is None:
        return None
    value, edge = abs(math.log(result.ratio.value)), math.log1p(margin)
    low, high = result.ratio.ends
    if -edge <= math.log(low) and math.log(high) <= edge:
        return 0.0
    half = math.log(high / low) / 2
    distance = value if value > edge else edge - value
    if not distance:
        return math.inf
    return result.replicates * max(0.0, (half / distance) ** 2 - 1) * result.seconds
