"""What the rounds of a replicate are like, decided before the first of them.

Blocks of all contenders are given the same time, and each holds as many samples as fit it by its contender's own
latency: equal numbers of calls would leave a fast way beside a slow one with a single call in each block, the first
after a stop, which finds cold caches. Left out at the start of a block is what its own contender needs: a first call of
1 to 2 ms takes 15 to 22 % longer than usual, the second 5 to 8 %, the third 3 %.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchlib.measure.levels import Level
from benchlib.measure.warmup import Timeable
from benchlib.worker.messages import TimedBlock

# Seconds: where there is time for twice the rounds, blocks get longer; in a fixed time they get shorter to fit them.
SHORT_BLOCK, LONG_BLOCK = 0.02, 0.1
SLOW_CALL, ONE_CALL = 0.05, 1.0  # seconds: fewer rounds above the first; a block is one call above the second
RESUMING = 3e-3  # seconds of a contender's own calls after a stop that do not count; one call at least
LOOP_BELOW = 100e-6  # seconds: calls that are shorter are timed in loops
LOOP_TIME, LOOP_LIMIT = 1e-3, 0.2  # seconds of a loop, at least and at most
LOOP_TICKS, LOOP_CALLS = 100, 1 << 20  # … so many steps of the clock at least, and so many calls at most


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
class BlockPlan:
    """What the blocks of one contender are like."""

    samples: int  # that count
    discarded: int  # before those: the first after a stop find cold caches
    loops: int  # calls in a sample

    @property
    def size(self) -> int:
        """Samples in a block."""
        return self.discarded + self.samples


@dataclass(frozen=True)
class RoundPlan:
    """What the rounds of a replicate are like. Times in seconds."""

    blocks: tuple[BlockPlan, ...]  # of each contender
    least: int  # rounds, at least, repeated ones not counted
    floor: float  # so long at least …
    budget: float  # … and, once there are `least` rounds, so long at most

    @property
    def size(self) -> int:
        """Samples in a round."""
        return sum(block.size for block in self.blocks)


def plan_rounds(plan: ReplicatePlan, usual: Sequence[float], loops: Sequence[int]) -> RoundPlan:
    """What the rounds of a replicate are like.

    Args:
        plan: the replicate.
        usual: the usual latency of each contender, in seconds per call.
        loops: calls in a sample of each.
    """
    level = plan.level
    samples = [latency * calls for latency, calls in zip(usual, loops, strict=True)]  # seconds of one
    least = level.min_rounds_slow if max(samples) > SLOW_CALL else level.min_rounds

    # Whoever pays for starting processes gets measuring for it, within limits; a fixed time is just that.
    paid = min(level.start_share * plan.start_cost, level.replicate_limit)
    floor = level.duration or max(level.replicate_time, paid)
    budget = level.duration or max(floor, level.budget)

    # Blocks are so long that twice the rounds fit the floor, and so short that thrice fit the limit of samples.
    count = len(samples) * least
    shortest = SHORT_BLOCK if level.duration else level.block_time
    length = max(shortest, min(floor / count / 2, LONG_BLOCK))
    most = plan.samples_limit // (3 * count)
    blocks = [plan_block(sample, calls, length, most) for sample, calls in zip(samples, loops, strict=True)]

    if level.duration:  # it ends when the time is over, however few rounds that are
        least = 1
    if level.repeat:  # so many samples of each contender and no more, however long they take
        counted, least = divide_evenly(level.repeat, min(block.samples for block in blocks), least)
        blocks = [BlockPlan(counted, block.discarded, block.loops) for block in blocks]
        floor = budget = 0.0
    return RoundPlan(tuple(blocks), least, floor, budget)


def plan_block(sample: float, loops: int, length: float, most: int) -> BlockPlan:
    """What the blocks of a contender are like: at least one sample behind those that follow a stop, and as many as fit.

    A call above a second is all that a block has time for, and what a stop costs is nothing beside it.

    Args:
        sample: seconds of one, by its usual latency.
        loops: calls in it.
        length: seconds of the block.
        most: samples in it.
    """
    discarded = 0 if sample > ONE_CALL else max(1, math.ceil(RESUMING / sample - 1e-9))
    # Where samples are scarce half of a block may be discarded, but not more, save the one call that has to be.
    discarded = min(discarded, max(1, most // 2))
    return BlockPlan(max(1, min(int(length / sample + 1e-9), most) - discarded), discarded, loops)


def divide_evenly(repeat: int, samples: int, rounds: int) -> tuple[int, int]:
    """`repeat` counted samples per process, in rounds of equal size: (samples in a block, rounds)."""
    samples = max(1, min(samples, repeat // rounds))
    while repeat % samples:
        samples -= 1
    return samples, repeat // samples


def calibrate(contender: Timeable, usual: float, quickest: float) -> tuple[int, list[TimedBlock]]:
    """How many calls of a contender make a sample, and the blocks that this took to find out.

    One, unless a call of the quickest contender is too short to be timed alone. Then a sample of each is a loop of at
    least `LOOP_TIME`: medians of single calls and of means over several are not compared, but where a single call is
    that long. The number is doubled until two readings in a row are long enough.

    Args:
        contender: the one whose loops are wanted; it is stopped afterwards.
        usual: its usual latency, in seconds.
        quickest: that of the quickest contender beside it.
    """
    if quickest >= LOOP_BELOW or usual >= LOOP_TIME:
        return 1, []
    loops, blocks = 1, []
    while True:
        blocks.append(contender.run(2, loops).value)
        wanted = max(LOOP_TIME * 1e9, LOOP_TICKS * blocks[-1].tick)
        if min(blocks[-1].ns) >= wanted or 2 * loops * usual > LOOP_LIMIT or loops >= LOOP_CALLS:
            contender.freeze()
            return loops, blocks
        loops *= 2


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
