"""Which way is fastest: who is paired directly with whom, and when that is decided. No measuring, no files.

The figures of a matrix are indirect: two ways were each timed beside the reference, in other processes, at another
time. The run-off pairs the best of them directly with every way that it is not clearly ahead of. A direct win is an
interval that excludes 1, at a confidence corrected for the number of pairs and of looks (Bonferroni), and a ratio
beyond a margin of 5 %: the size of difference that pairs of processes can promise on a shared machine. A pair with a
difference beyond the margin that is not certain yet is measured again, twice at most, where that is likely to decide;
all looks count together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchlib.measure.statistics import Interval

MARGIN = 0.05
LOOKS = 3  # at a direct pair, at most
RIVALS = 3  # at most so many ways are paired with the best one
CONFIDENCE = 0.95  # of all direct pairs of a model together


@dataclass(frozen=True)
class Contestant:
    """A way with its indirect figure, of which more is faster: the speedup over a reference that all contestants
    share, or calls per second. With its 95 % interval."""

    label: str
    speed: Interval


@dataclass(frozen=True)
class Direct:
    """What one direct pair came to: how many times faster than its rival a way is, with the 95 % t interval over
    `pairs` pairs of processes, each of which took `seconds`, in so many `looks`. `failure` says why there is no ratio,
    `source` where it comes from."""

    ratio: Interval | None
    pairs: int = 0
    seconds: float = 0.0
    failure: str = ""
    source: str = ""
    looks: int = 1

    def inverted(self) -> Direct:
        """The same, seen from the rival."""
        return self if self.ratio is None else replace(self, ratio=inverse(self.ratio))

    def joined(self, more: Direct) -> Direct:
        """Both looks as one: the pairs of processes of both, whose mean and spread their intervals tell exactly."""
        if self.ratio is None or more.ratio is None or self.ratio.low is None or more.ratio.low is None:
            return replace(self, looks=LOOKS)  # what has failed once is not tried again
        pairs = self.pairs + more.pairs
        means, spreads = zip(*map(_moments, (self, more)), strict=True)
        mean = (self.pairs * means[0] + more.pairs * means[1]) / pairs
        squares = sum(
            (look.pairs - 1) * spread**2 + look.pairs * (own - mean) ** 2
            for look, own, spread in zip((self, more), means, spreads, strict=True)
        )
        half = _quantile(pairs) * math.sqrt(squares / (pairs - 1) / pairs)
        ratio = Interval(*(math.exp(x) for x in (mean, mean - half, mean + half)))
        seconds = (self.pairs * self.seconds + more.pairs * more.seconds) / pairs
        return replace(self, ratio=ratio, pairs=pairs, seconds=seconds, looks=self.looks + 1)

    def at(self, confidence: float) -> Direct:
        """The same with a t interval of another confidence: on the logarithms its half-width is proportional to the
        quantile."""
        if self.ratio is None or self.ratio.low is None:
            return self
        value, low, high = self.ratio
        wider = _quantile(self.pairs, confidence) / _quantile(self.pairs)
        return replace(self, ratio=Interval(value, value * (low / value) ** wider, value * (high / value) ** wider))


@dataclass(frozen=True)
class Pair:
    """What has to be measured next: a way directly against a rival, for the first time or again."""

    way: str
    rival: str
    look: int = 1


def processes_of(look: int, first: int) -> int:
    """How many pairs of processes a look takes, where the first one takes `first`: each later one takes one more than
    all before it together, which doubles what there is and is never the trial of an earlier look."""
    return first if look == 1 else (first + 1) * 2 ** (look - 2)


@dataclass(frozen=True)
class Fastest:
    """A way that won every direct pair it needed. `wins` holds its results by rival, with intervals at the corrected
    confidence; it is empty where all other ways are clearly slower."""

    way: str
    wins: dict[str, Direct]
    unpaired: tuple[str, ...]  # not clearly slower, and beyond the number of rivals


@dataclass(frozen=True)
class Tie:
    """Ways that cannot be told apart, the best first. `open` holds the best one's undecided results by rival.

    `seconds` of measuring more would decide: 0 when every open interval lies within the margin, so that the ways are
    the same for all practical purposes; None when a pair that is open gave no interval.
    """

    ways: tuple[str, ...]
    open: dict[str, Direct]
    seconds: float | None
    unpaired: tuple[str, ...]


Conclusion = Fastest | Tie


def inverse(ratio: Interval) -> Interval:
    """One divided by a ratio, its interval with it."""
    return Interval(1 / ratio.value, ratio.high and 1 / ratio.high, ratio.low and 1 / ratio.low)


def settle(
    ways: Sequence[Contestant], result: Callable[[Pair], Direct | None], clear: float, floor: float = 0.0
) -> Conclusion | Pair:
    """Asks `result(pair)` for one direct pair after the other until there is a conclusion.

    Returns the pair that is missing when `result` has none to give. The other arguments are those of `decide`.
    """
    direct: dict[tuple[str, str], Direct] = {}
    while isinstance(step := decide(ways, direct, clear, floor), Pair):
        found = result(step)
        if found is None:
            return step
        before = _between(step.way, step.rival, direct)
        direct.pop((step.rival, step.way), None)
        direct[step.way, step.rival] = found if before is None else before.joined(found)
    return step


def decide(
    ways: Sequence[Contestant], direct: Mapping[tuple[str, str], Direct], clear: float, floor: float = 0.0
) -> Conclusion | Pair:
    """The next direct pair, or what the pairs measured so far come to. At least one way.

    `direct` holds results by (way, rival), in whichever direction they were measured. `clear` is the difference
    (0.1: 10 %) that the level of the indirect figures decides, `floor` the smallest one that this host can detect.
    """
    margin = max(MARGIN, floor)
    field, unpaired = field_of(ways, clear, floor)
    # Whoever is best among n was chosen out of n: that counts like a pair each.
    comparisons = max(len(direct), len(field) + len(unpaired) - 1, 1)
    confidence = 1 - (1 - CONFIDENCE) / comparisons / LOOKS
    champion, beaten = field[0], set()
    while True:
        results: dict[str, Direct] = {}
        for rival in field:
            if rival == champion:
                continue
            found = _between(champion, rival, direct)
            if found is None:
                return Pair(champion, rival)
            results[rival] = found.at(confidence)
            if _wins(results[rival].inverted(), margin) and rival not in beaten:
                beaten.add(champion)  # three ways that beat each other in a circle end as a tie
                champion = rival
                break
        else:
            for rival, found in results.items():
                decided = _wins(found, margin) or _wins(found.inverted(), margin)
                if found.looks < LOOKS and not decided and _worth_a_look(found, margin, confidence):
                    return Pair(champion, rival, found.looks + 1)
            return _conclude(champion, results, unpaired, margin)


def field_of(ways: Sequence[Contestant], clear: float, floor: float = 0.0) -> tuple[list[str], tuple[str, ...]]:
    """The ways between which the run-off decides, the best first, and those that there is no room for.

    Out of it are ways that are clearly slower than the best: the intervals are apart, and so are the figures, by more
    than `clear`, the margin and `floor`.
    """
    clear = max(clear, MARGIN, floor)
    best, *others = sorted(ways, key=lambda w: -w.speed.value)
    near = [w.label for w in others if not _clearly_slower(w.speed, best.speed, clear)]
    return [best.label, *near[:RIVALS]], tuple(near[RIVALS:])


def _clearly_slower(one: Interval, best: Interval, clear: float) -> bool:
    known = one.high is not None and best.low is not None
    return known and one.high < best.low and best.value / one.value > 1 + clear


def _between(way: str, rival: str, direct: Mapping[tuple[str, str], Direct]) -> Direct | None:
    if (way, rival) in direct:
        return direct[way, rival]
    found = direct.get((rival, way))
    return found and found.inverted()


def _wins(result: Direct, margin: float) -> bool:
    ratio = result.ratio
    return ratio is not None and ratio.low is not None and ratio.low > 1 and ratio.value > 1 + margin


def _worth_a_look(result: Direct, margin: float, confidence: float) -> bool:
    """Whether a way seems to win, and would at this mean and spread if all looks that are left were taken."""
    if result.ratio is None or result.ratio.low is None:
        return False
    value = abs(math.log(result.ratio.value))
    half = math.log(result.ratio.high / result.ratio.low) / 2
    all_pairs = result.pairs * 2 ** (LOOKS - result.looks)
    width = lambda pairs: _quantile(pairs, confidence) / math.sqrt(pairs)  # noqa: E731
    return value > math.log1p(margin) and half * width(all_pairs) / width(result.pairs) < value


def _moments(result: Direct) -> tuple[float, float]:
    """Mean and standard deviation of the log ratio over pairs of processes, from its interval."""
    half = math.log(result.ratio.high / result.ratio.low) / 2
    return math.log(result.ratio.value), half * math.sqrt(result.pairs) / _quantile(result.pairs)


def _quantile(pairs: int, confidence: float = CONFIDENCE) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(pairs - 1, (1 + confidence) / 2))


def _conclude(champion: str, results: dict[str, Direct], unpaired: tuple[str, ...], margin: float) -> Conclusion:
    undecided = {rival: result for rival, result in results.items() if not _wins(result, margin)}
    if not undecided:
        return Fastest(champion, results, unpaired)
    more = [_seconds_more(result, margin) for result in undecided.values()]
    return Tie((champion, *undecided), undecided, None if None in more else sum(more), unpaired)


def _seconds_more(result: Direct, margin: float) -> float | None:
    """Seconds until the interval would decide: pairs needed ≈ pairs · (half-width ÷ distance)², less those there are.

    The distance is that to 1 for a ratio beyond the margin, else that to the margin: an interval inside it decides
    too, since no more measuring would matter then.
    """
    if result.ratio is None or result.ratio.low is None:
        return None
    value, edge = abs(math.log(result.ratio.value)), math.log1p(margin)
    if -edge <= math.log(result.ratio.low) and math.log(result.ratio.high) <= edge:
        return 0.0
    half = math.log(result.ratio.high / result.ratio.low) / 2
    distance = value if value > edge else edge - value
    if not distance:
        return math.inf
    return result.pairs * max(0.0, (half / distance) ** 2 - 1) * result.seconds
