"""One replicate: contenders warmed up one by one, then timed in interleaved rounds until that is enough.

The clock is given, and contenders are asked only what `benchlib.measure.warmup.Contender` says, so that the rules
are tested with simulated ones. Only one contender runs at a time: the others are stopped (SIGSTOP), so that their
spinning threads disturb nobody.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchlib.measure import noise
from benchlib.measure.levels import Level
from benchlib.measure.samples import STEADY, WARMUP, Epoch
from benchlib.measure.stopping import Stopping, half_width
from benchlib.measure.warmup import Contender, warm_up

# Seconds: where there is time for twice the rounds, epochs get longer; in a fixed time they get shorter to fit them.
SHORT_EPOCH, LONG_EPOCH = 0.02, 0.1
SLOW_CALL, ONE_CALL = 0.05, 1.0  # seconds: fewer rounds above the first, one call per round above the second
BLOCK_BELOW = 100e-6  # seconds: calls that are shorter are timed in blocks
BLOCK_TIME, BLOCK_LIMIT = 1e-3, 0.2  # seconds of a block: of the quickest contender at least, of the slowest at most
BLOCK_TICKS, BLOCK_CALLS = 100, 1 << 20  # … so many steps of the clock at least, and so many calls at most
LOOK = 0.25  # seconds of rounds between two looks at what came of them: this process is idle meanwhile
REPEATS = 2  # of a disturbed round, at most


@dataclass
class Pace:
    """What the first replicate finds out and later ones repeat, so that all are measured alike."""

    warmup_calls: list[int | None]  # per contender; None: to be found out
    inner: int | None = None  # calls in a sample; None: to be found out


@dataclass
class Replicate:
    """What one replicate gave; the lists have a value per contender."""

    epochs: list[Epoch]  # in time order
    settled: list[bool]  # its warm-up ended because the latency had settled
    converged: list[bool] = field(default_factory=list)  # its samples were enough for the level's target
    half_widths: list[float] = field(default_factory=list)  # of the median's interval, as a share; inf: none
    retried: int = 0  # rounds that repeat a disturbed one


def measure_pair(
    contenders: Sequence[Contender],
    pair: int,
    level: Level,
    seed: int,
    start_cost: float,
    pace: Pace,
    samples_limit: int,
    clock: Callable[[], float],
    first: int = 0,
    cores: Sequence[int] = (),
) -> Replicate:
    """Warm-up and rounds of one replicate.

    Rounds go on for the level's minimum, as long as starting these processes cost (`start_cost`, seconds), and then
    until the samples of every contender are enough, or the level's budget is spent. A round that was disturbed is
    soon repeated by all contenders, twice at most and where the minimum still fits the budget; all of it counts.
    `samples_limit` bounds the samples of this replicate; `first` is the contender warmed up first; `cores` are those
    on which rounds begin. All contenders begin a round with the same set of inputs, each round with the next one.
    """
    result = Replicate([], [False] * len(contenders))
    for step in range(len(contenders)):
        index = (first + step) % len(contenders)
        found, result.settled[index] = warm_up(contenders[index], level, pace.warmup_calls[index])
        contenders[index].freeze()
        result.epochs += [epoch_of(index, pair, -1, WARMUP, 0, e) for e in found]
    usual = [_usual(result.epochs, i) for i in range(len(contenders))]
    if pace.inner is None:
        pace.inner, found = calibrate(contenders[int(np.argmin(usual))], min(usual), max(usual))
        result.epochs += [epoch_of(int(np.argmin(usual)), pair, -1, WARMUP, 0, e) for e in found]
    slowest = max(usual) * pace.inner
    skip = int(slowest <= ONE_CALL)
    rounds_min = level.min_rounds_slow if slowest > SLOW_CALL else level.min_rounds
    floor = level.duration or min(max(level.pair_time, start_cost), level.pair_limit)
    budget = level.duration or max(floor, level.budget)
    epochs_min = len(contenders) * rounds_min
    shortest = SHORT_EPOCH if level.duration else level.epoch_time
    length = max(shortest, min(floor / epochs_min / 2, LONG_EPOCH))
    calls = calls_per_epoch(slowest, length, skip, 3 * epochs_min, samples_limit)
    if level.duration:
        rounds_min = 1
    if level.repeat:
        calls, rounds_min, floor, budget = *_fixed(level.repeat, calls, rounds_min), 0.0, 0.0
    enough = [Stopping(level.target) for _ in contenders]
    steady: list[list[np.ndarray]] = [[] for _ in contenders]
    again: deque[int] = deque()  # disturbed rounds that are to be repeated
    repeated: Counter[int] = Counter()
    turns, places = orders(seed, pair, len(contenders)), begins(seed, pair, cores)
    begin, spent, rounds, planned, samples = clock(), 0.0, 0, 0, 0

    def over() -> bool:
        full = samples + len(contenders) * (calls + skip) > samples_limit
        return planned >= rounds_min and (full or spent >= budget)

    while not over():
        answers: list[tuple[int, int, int, Mapping]] = []  # contender, round, the round that it repeats, what it said
        look = spent + LOOK
        while spent < look and not over():
            origin = again.popleft() if again else -1
            core = next(places)
            for index in next(turns):
                answers.append((index, rounds, origin, contenders[index].run(calls + skip, pace.inner, core, rounds)))
                contenders[index].freeze()
            rounds, planned, spent = rounds + 1, planned + (origin < 0), clock() - begin
            samples += len(contenders) * (calls + skip)
        disturbed: dict[int, None] = {}  # the planned rounds, in their order
        for index, round_, origin, found in answers:
            epoch = epoch_of(index, pair, round_, STEADY, skip, found, origin)
            result.epochs.append(epoch)
            steady[index].append(epoch.seconds)
            if noise.flags(epoch):
                disturbed[round_ if origin < 0 else origin] = None
        spare = int(rounds * (budget / max(spent, 1e-9) - 1)) - max(0, rounds_min - planned) - len(again)
        for origin in [o for o in disturbed if repeated[o] < REPEATS][: max(0, spare)]:
            repeated[origin] += 1
            again.append(origin)
        if enough[0].due(rounds * calls):  # all have as many samples
            for stop, own in zip(enough, steady, strict=True):
                stop.look(np.concatenate(own))
        if planned >= rounds_min and spent >= floor and all(stop.converged for stop in enough) and not again:
            break
    result.retried = rounds - planned
    result.converged = [stop.converged for stop in enough]
    result.half_widths = [half_width(np.concatenate(own)) for own in steady]
    return result


def calibrate(contender: Contender, quickest: float, slowest: float) -> tuple[int, list[Mapping]]:
    """How many calls make a sample, and the epochs that this took to find out. One, unless a call of the quickest
    contender (seconds) is too short to be timed alone; then doubled until two readings in a row are long enough."""
    if quickest >= BLOCK_BELOW:
        return 1, []
    inner, epochs = 1, []
    while True:
        epochs.append(contender.run(2, inner))
        wanted = max(BLOCK_TIME * 1e9, BLOCK_TICKS * epochs[-1].get("tick", 1))
        if min(epochs[-1]["ns"]) >= wanted or 2 * inner * slowest > BLOCK_LIMIT or inner >= BLOCK_CALLS:
            contender.freeze()
            return inner, epochs
        inner *= 2


def calls_per_epoch(usual: float, length: float, skip: int, epochs_planned: int, samples_limit: int) -> int:
    """Counted samples in one epoch of `length` seconds, the same for all contenders, from the slowest one's usual time
    of a sample in seconds; `skip` more precede them: the first after a stop finds cold caches."""
    calls = max(1, int(length / usual) - skip)
    return max(1, min(calls, samples_limit // max(1, epochs_planned) - skip))


def orders(seed: int, pair: int, contenders: int) -> Iterator[list[int]]:
    """The order of each round: two contenders take turns in going first (ABBA), more follow a random cyclic Latin
    square. Reproducible from the seed; each contender is first equally often."""
    chance, base = random.Random(f"{seed}/{pair}"), list(range(contenders))
    while True:
        chance.shuffle(base)
        for shift in range(contenders):
            yield base[shift:] + base[:shift]


def begins(seed: int, pair: int, cores: Sequence[int]) -> Iterator[int | None]:
    """The core on which all contenders of a round begin, each core equally often; None where there is no choice.

    A process that sleeps and wakes up stays on its core, and cores of one machine differ for seconds, on a virtual
    one by half and more, as the work of neighbours comes and goes: left to themselves, one contender of a replicate
    would have the better core and the other the worse.
    """
    chance, own = random.Random(f"{seed}/{pair}/cores"), list(cores)
    while True:
        chance.shuffle(own)
        yield from own if len(own) > 1 else (None,)


def epoch_of(contender: int, pair: int, round_: int, phase: str, skip: int, found: Mapping, repeats: int = -1) -> Epoch:
    """An epoch as the samples keep it, from a worker's answer. Raises ValueError for a clock that went back."""
    if min(found["ns"], default=0) < 0 or found["end"] < found["start"]:
        raise ValueError("the clock went back during a sample")
    ns = np.array(found["ns"], np.uint64)
    more = {name: found[name] for name in ("inner", "empty", "noise") if name in found}
    return Epoch(
        contender, pair, round_, phase, found["start"], found["end"], found["cpu"], skip, ns, repeats=repeats, **more
    )


def _fixed(repeat: int, calls: int, rounds: int) -> tuple[int, int]:
    """`repeat` counted samples per process, in rounds of equal size: (samples in an epoch, rounds)."""
    calls = max(1, min(calls, repeat // rounds))
    while repeat % calls:
        calls -= 1
    return calls, repeat // calls


def _usual(epochs: list[Epoch], contender: int) -> float:
    own = [e for e in epochs if e.contender == contender]
    return max(float(np.median(own[-1].seconds)), 1e-9) if own else 1e-3
