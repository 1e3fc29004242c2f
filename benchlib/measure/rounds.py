"""One replicate: contenders warmed up one by one, then timed in interleaved rounds until that is enough.

A *round* is a block of each contender, all of them alike: so many samples, after some that are discarded because they
follow a stop. What the blocks and rounds of a replicate look like is decided before the first of them (`plan_rounds`);
what is measured decides only when it is over, and which rounds are repeated (`Rounds`).

The clock is given, and contenders are asked only what `benchlib.measure.warmup.Timeable` says, so that the rules
are tested with simulated ones. Only one contender runs at a time: the others are stopped (SIGSTOP), so that their
spinning threads disturb nobody.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchlib.measure import noise
from benchlib.measure.levels import Level
from benchlib.measure.samples import WARMUP, Block, block_of
from benchlib.measure.stopping import Stopping, half_width
from benchlib.measure.warmup import BlockReply, Timeable, warm_up
from benchlib.worker.messages import TimedBlock

# Seconds: where there is time for twice the rounds, blocks get longer; in a fixed time they get shorter to fit them.
SHORT_BLOCK, LONG_BLOCK = 0.02, 0.1
SLOW_CALL, ONE_CALL = 0.05, 1.0  # seconds: fewer rounds above the first, one call per round above the second
LOOP_BELOW = 100e-6  # seconds: calls that are shorter are timed in loops
LOOP_TIME, LOOP_LIMIT = 1e-3, 0.2  # seconds of a loop: of the quickest contender at least, of the slowest at most
LOOP_TICKS, LOOP_CALLS = 100, 1 << 20  # … so many steps of the clock at least, and so many calls at most
CHECK_EVERY = 0.25  # seconds of rounds between two checks of what came of them: this process is idle meanwhile
REPEATS = 2  # of a disturbed round, at most


@dataclass
class Pace:
    """What the first replicate finds out and later ones repeat, so that all are measured alike."""

    warmup_calls: list[int | None]  # per contender; None: to be found out
    loops: int | None = None  # calls in a sample; None: to be found out


@dataclass(frozen=True)
class ReplicatePlan:
    """What is known of a replicate before its contenders are asked for anything."""

    replicate: int  # its number
    level: Level
    seed: int
    samples_limit: int  # samples of all contenders together, those of the warm-up left out
    start_cost: float = 0.0  # seconds that starting its processes took
    first: int = 0  # the contender that is warmed up first
    cores: Sequence[int] = ()  # those on which rounds begin


@dataclass(frozen=True)
class RoundPlan:
    """What the rounds of a replicate are like. Times in seconds."""

    samples: int  # counted samples in a block, the same for all contenders
    discarded: int  # samples before those: the first after a stop finds cold caches
    loops: int  # calls in a sample
    least: int  # rounds, at least, repeated ones not counted
    floor: float  # so long at least …
    budget: float  # … and, once there are `least` rounds, so long at most

    @property
    def size(self) -> int:
        """Samples in a block."""
        return self.discarded + self.samples


@dataclass
class Replicate:
    """What one replicate gave; the lists have a value per contender."""

    blocks: list[Block]  # in time order
    warmed_up: list[bool]  # its warm-up ended because the latency had settled
    converged: list[bool] = field(default_factory=list)  # its samples were enough for the level's target
    half_widths: list[float] = field(default_factory=list)  # of the median's interval, as a share; inf: none
    retried: int = 0  # rounds that repeat a disturbed one


def measure_replicate(
    contenders: Sequence[Timeable], plan: ReplicatePlan, pace: Pace, clock: Callable[[], float]
) -> Replicate:
    """Warm-up and rounds of one replicate.

    Rounds go on for the level's minimum, as long as starting these processes cost, and then until the samples of every
    contender are enough, or the level's budget is spent. A round that was disturbed is soon repeated by all contenders,
    twice at most and where the minimum still fits the budget; all of it counts. All contenders begin a round with the
    same set of inputs, each round with the next one.

    Args:
        contenders: each is stopped, and so it is afterwards.
        plan: what is known before.
        pace: what an earlier replicate found out; what it does not say yet is written into it.
        clock: seconds.

    Returns:
        Every block that was run, and what they came to.
    """
    # Each alone: the others are stopped, and a contender's warm-up heats nobody else's caches.
    blocks, warmed_up = _warm_up_all(contenders, plan, pace)
    usual = [_usual_latency(blocks, index) for index in range(len(contenders))]

    # Calls too short for the clock are timed in loops, whose length the quickest contender finds out for all.
    if pace.loops is None:
        quickest = int(np.argmin(usual))
        pace.loops, timed = calibrate(contenders[quickest], min(usual), max(usual))
        blocks += [block_of(t, quickest, plan.replicate) for t in timed]

    # From here on everything but the end of it is decided.
    rounds = Rounds(contenders, plan, plan_rounds(plan, len(contenders), max(usual), pace.loops), clock)
    rounds.run()
    return Replicate(
        blocks + rounds.blocks,
        warmed_up,
        converged=[stop.converged for stop in rounds.stops],
        half_widths=[half_width(np.concatenate(own)) for own in rounds.seconds],
        retried=rounds.taken - rounds.planned,
    )


def plan_rounds(plan: ReplicatePlan, contenders: int, slowest: float, loops: int) -> RoundPlan:
    """What the rounds of a replicate are like.

    Args:
        plan: the replicate.
        contenders: how many there are.
        slowest: the usual latency of the slowest of them, in seconds per call.
        loops: calls in a sample.
    """
    level, sample = plan.level, slowest * loops
    # The first call after a stop is discarded, unless it is all that a round has time for.
    discarded = int(sample <= ONE_CALL)
    least = level.min_rounds_slow if sample > SLOW_CALL else level.min_rounds

    # Whoever pays for starting processes gets as much measuring for it, within limits; a fixed time is just that.
    floor = level.duration or min(max(level.replicate_time, plan.start_cost), level.replicate_limit)
    budget = level.duration or max(floor, level.budget)

    # Blocks are so long that twice the rounds fit the floor, and so short that thrice fit the limit of samples.
    blocks = contenders * least
    shortest = SHORT_BLOCK if level.duration else level.block_time
    length = max(shortest, min(floor / blocks / 2, LONG_BLOCK))
    samples = samples_per_block(sample, length, discarded, 3 * blocks, plan.samples_limit)

    if level.duration:  # it ends when the time is over, however few rounds that are
        least = 1
    if level.repeat:  # so many samples and no more, however long they take
        samples, least = _divide_evenly(level.repeat, samples, least)
        floor = budget = 0.0
    return RoundPlan(samples, discarded, loops, least, floor, budget)


class Rounds:
    """The rounds of a replicate, one after another, until they are enough.

    Attributes:
        blocks: all blocks of all rounds, in time order.
        seconds: for each contender the counted samples of its blocks, in seconds per call.
        stops: for each contender whether its samples are enough.
        taken: rounds until now, of which `planned` repeat none.
    """

    def __init__(
        self, contenders: Sequence[Timeable], replicate: ReplicatePlan, plan: RoundPlan, clock: Callable[[], float]
    ):
        self.contenders, self.replicate, self.plan, self.clock = contenders, replicate, plan, clock
        self.blocks: list[Block] = []
        self.seconds: list[list[np.ndarray]] = [[] for _ in contenders]
        self.stops = [Stopping(replicate.level.target) for _ in contenders]
        self.taken = self.planned = 0
        self._orders = orders(replicate.seed, replicate.replicate, len(contenders))
        self._cores = first_cores(replicate.seed, replicate.replicate, replicate.cores)
        self._again: deque[int] = deque()  # disturbed rounds that are to be repeated
        self._repeats: Counter[int] = Counter()  # of each planned round, those to come included
        self._begin, self._spent = clock(), 0.0  # seconds

    def run(self) -> None:
        """Takes rounds until they are enough, or nothing is left to take them from."""
        while not self._is_over():
            disturbed = self._keep(self._take_some())
            self._plan_repeats(disturbed)
            self._check_samples()
            if self._is_enough():
                return

    def _take_some(self) -> list[tuple[int, int, int, BlockReply]]:
        """Rounds for a quarter of a second: (contender, round, the round that it repeats or -1, reply) of each block.

        Nothing is decoded or computed between them, so that this process takes no time from the one that is timed.
        """
        replies = []
        check = self._spent + CHECK_EVERY
        while self._spent < check and not self._is_over():
            origin = self._again.popleft() if self._again else -1
            core = next(self._cores)
            for index in next(self._orders):
                reply = self.contenders[index].run(self.plan.size, self.plan.loops, core, self.taken)
                replies.append((index, self.taken, origin, reply))
                self.contenders[index].freeze()
            self.taken, self.planned = self.taken + 1, self.planned + (origin < 0)
            self._spent = self.clock() - self._begin
        return replies

    def _keep(self, replies: list[tuple[int, int, int, BlockReply]]) -> list[int]:
        """Keeps the blocks. Returns the planned rounds that were disturbed, or whose repetition was, in their order."""
        disturbed: dict[int, None] = {}
        for index, round_, origin, reply in replies:
            block = block_of(reply.value, index, self.replicate.replicate, round_, self.plan.discarded, repeats=origin)
            self.blocks.append(block)
            self.seconds[index].append(block.seconds)
            if noise.flags(block):
                disturbed[round_ if origin < 0 else origin] = None
        return list(disturbed)

    def _plan_repeats(self, disturbed: list[int]) -> None:
        """Repeats disturbed rounds where, at this pace, the budget has room for them beside the minimum of rounds."""
        fitting = int(self.taken * (self.plan.budget / max(self._spent, 1e-9) - 1))
        room = max(0, fitting - max(0, self.plan.least - self.planned) - len(self._again))
        for origin in [o for o in disturbed if self._repeats[o] < REPEATS][:room]:
            self._repeats[origin] += 1
            self._again.append(origin)

    def _check_samples(self) -> None:
        """Looks whether the samples are enough, where that is due."""
        if self.stops[0].due(self.taken * self.plan.samples):  # all have as many samples
            for stop, own in zip(self.stops, self.seconds, strict=True):
                stop.check(np.concatenate(own))

    def _is_enough(self) -> bool:
        """Whether the minimum is there, the samples are enough and no round is to be repeated."""
        minimum = self.planned >= self.plan.least and self._spent >= self.plan.floor
        return minimum and all(stop.converged for stop in self.stops) and not self._again

    def _is_over(self) -> bool:
        """Whether the minimum of rounds is there, and the budget of time or samples is spent."""
        samples = len(self.contenders) * self.plan.size
        full = (self.taken + 1) * samples > self.replicate.samples_limit
        return self.planned >= self.plan.least and (full or self._spent >= self.plan.budget)


def calibrate(contender: Timeable, quickest: float, slowest: float) -> tuple[int, list[TimedBlock]]:
    """How many calls make a sample, and the blocks that this took to find out.

    One, unless a call of the quickest contender is too short to be timed alone; then doubled until two readings in a
    row are long enough.

    Args:
        contender: the quickest one.
        quickest: its usual latency, in seconds.
        slowest: that of the slowest contender: a loop is no longer than that one can bear.
    """
    if quickest >= LOOP_BELOW:
        return 1, []
    loops, blocks = 1, []
    while True:
        blocks.append(contender.run(2, loops).value)
        wanted = max(LOOP_TIME * 1e9, LOOP_TICKS * blocks[-1].tick)
        if min(blocks[-1].ns) >= wanted or 2 * loops * slowest > LOOP_LIMIT or loops >= LOOP_CALLS:
            contender.freeze()
            return loops, blocks
        loops *= 2


def samples_per_block(usual: float, length: float, discarded: int, blocks: int, samples_limit: int) -> int:
    """Counted samples in a block, the same for all contenders.

    Args:
        usual: seconds of a sample of the slowest contender.
        length: seconds of its block.
        discarded: samples before those that count.
        blocks: how many may follow each other.
        samples_limit: of all blocks together.
    """
    samples = max(1, int(length / usual) - discarded)
    return max(1, min(samples, samples_limit // max(1, blocks) - discarded))


def orders(seed: int, replicate: int, contenders: int) -> Iterator[list[int]]:
    """The order of each round: two contenders alternate in going first (ABBA), more follow a random cyclic Latin
    square. Reproducible from the seed; each contender is first equally often."""
    chance, base = random.Random(f"{seed}/{replicate}"), list(range(contenders))
    while True:
        chance.shuffle(base)
        for shift in range(contenders):
            yield base[shift:] + base[:shift]


def first_cores(seed: int, replicate: int, cores: Sequence[int]) -> Iterator[int | None]:
    """The core on which all contenders of a round begin, each core equally often; None where there is no choice.

    A process that sleeps and wakes up stays on its core, and cores of one machine differ for seconds, on a virtual
    one by half and more, as the work of neighbours comes and goes: left to themselves, one contender of a replicate
    would have the better core and the other the worse.
    """
    chance, own = random.Random(f"{seed}/{replicate}/cores"), list(cores)
    while True:
        chance.shuffle(own)
        yield from own if len(own) > 1 else (None,)


def _warm_up_all(contenders: Sequence[Timeable], plan: ReplicatePlan, pace: Pace) -> tuple[list[Block], list[bool]]:
    """Warms up one contender after another; each is stopped before the next begins."""
    blocks: list[Block] = []
    warmed_up = [False] * len(contenders)
    for step in range(len(contenders)):
        index = (plan.first + step) % len(contenders)
        timed, warmed_up[index] = warm_up(contenders[index], plan.level, pace.warmup_calls[index])
        contenders[index].freeze()
        blocks += [block_of(t, index, plan.replicate) for t in timed]
    return blocks, warmed_up


def _divide_evenly(repeat: int, samples: int, rounds: int) -> tuple[int, int]:
    """`repeat` counted samples per process, in rounds of equal size: (samples in a block, rounds)."""
    samples = max(1, min(samples, repeat // rounds))
    while repeat % samples:
        samples -= 1
    return samples, repeat // samples


def _usual_latency(blocks: list[Block], contender: int) -> float:
    """Seconds of a call, from the end of the warm-up; a guess where there was none."""
    own = [block for block in blocks if block.contender == contender and block.phase == WARMUP]
    return max(float(np.median(own[-1].seconds)), 1e-9) if own else 1e-3
