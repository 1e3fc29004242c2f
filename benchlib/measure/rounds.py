"""One replicate: contenders warmed up one by one, then timed in interleaved rounds until that is enough.

A *round* is a block of each contender: blocks of about the same time, each with as many samples as its contender makes
in it, after some that are discarded because they follow a stop. What the blocks and rounds of a replicate look like is
decided before the first of them (`benchlib.measure.schedule`); what is measured decides only when it is over, and which
rounds are repeated (`Rounds`).

The clock is given, and contenders are asked only what `benchlib.measure.warmup.Timeable` says, so that the rules
are tested with simulated ones. Only one contender runs at a time: the others are stopped (SIGSTOP), so that their
spinning threads disturb nobody.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchlib.measure import noise
from benchlib.measure.samples import WARMUP, Block, block_of
from benchlib.measure.schedule import ReplicatePlan, RoundPlan, calibrate, first_cores, orders, plan_rounds
from benchlib.measure.stopping import Stopping, half_width
from benchlib.measure.warmup import BlockReply, Timeable, warm_up
from benchlib.worker.messages import NewOutputs

CHECK_EVERY = 0.25  # seconds of rounds between two checks of what came of them: this process is idle meanwhile
REPEATS = 2  # of a disturbed round, at most


@dataclass
class Pace:
    """What the first replicate finds out and later ones repeat, so that all are measured alike."""

    warmup_calls: list[int | None]  # per contender; None: to be found out
    loops: list[int] | None = None  # calls in a sample, per contender; None: to be found out


@dataclass
class Replicate:
    """What one replicate gave; the lists have a value per contender."""

    blocks: list[Block]  # in time order
    warmed_up: list[bool]  # its warm-up ended because the latency had settled
    converged: list[bool] = field(default_factory=list)  # its samples were enough for the level's target
    half_widths: list[float] = field(default_factory=list)  # of the median's interval, as a share; inf: none
    retried: int = 0  # rounds that repeat a disturbed one
    new_outputs: list[tuple[int, NewOutputs]] = field(default_factory=list)  # what blocks stored, by contender


def measure_replicate(
    contenders: Sequence[Timeable], plan: ReplicatePlan, pace: Pace, clock: Callable[[], float]
) -> Replicate:
    """Warm-up and rounds of one replicate.

    Rounds go on for the level's minimum, in proportion to what starting these processes cost, and then until the
    samples of every contender are enough, or the level's budget is spent. A round that was disturbed is soon repeated
    by all contenders, twice at most and where the minimum still fits the budget; all of it counts. All contenders begin
    a round with the same set of inputs, each round with the next one.

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

    # Calls too short for the clock are timed in loops.
    if pace.loops is None:
        pace.loops = []
        for index, contender in enumerate(contenders):
            loops, timed = calibrate(contender, usual[index], min(usual))
            pace.loops.append(loops)
            blocks += [block_of(t, index, plan.replicate) for t in timed]

    # From here on everything but the end of it is decided.
    rounds = Rounds(contenders, plan, plan_rounds(plan, usual, pace.loops), clock)
    rounds.run()
    return Replicate(
        blocks + rounds.blocks,
        warmed_up,
        converged=[stop.converged for stop in rounds.stops],
        half_widths=[half_width(np.concatenate(own)) for own in rounds.seconds],
        retried=rounds.taken - rounds.planned,
        new_outputs=rounds.new_outputs,
    )


class Rounds:
    """The rounds of a replicate, one after another, until they are enough.

    Attributes:
        blocks: all blocks of all rounds, in time order.
        seconds: for each contender the counted samples of its blocks, in seconds per call.
        stops: for each contender whether its samples are enough.
        new_outputs: what blocks stored, by contender.
        taken: rounds until now, of which `planned` repeat none.
    """

    def __init__(
        self, contenders: Sequence[Timeable], replicate: ReplicatePlan, plan: RoundPlan, clock: Callable[[], float]
    ):
        self.contenders, self.replicate, self.plan, self.clock = contenders, replicate, plan, clock
        self.blocks: list[Block] = []
        self.seconds: list[list[np.ndarray]] = [[] for _ in contenders]
        self.stops = [Stopping(replicate.level.target) for _ in contenders]
        self.new_outputs: list[tuple[int, NewOutputs]] = []
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
                block = self.plan.blocks[index]
                reply = self.contenders[index].run(block.size, block.loops, core, self.taken, block.discarded)
                replies.append((index, self.taken, origin, reply))
                self.contenders[index].freeze()
            self.taken, self.planned = self.taken + 1, self.planned + (origin < 0)
            self._spent = self.clock() - self._begin
        return replies

    def _keep(self, replies: list[tuple[int, int, int, BlockReply]]) -> list[int]:
        """Keeps the blocks. Returns the planned rounds that were disturbed, or whose repetition was, in their order."""
        disturbed: dict[int, None] = {}
        for index, round_, origin, reply in replies:
            discarded = self.plan.blocks[index].discarded
            block = block_of(reply.value, index, self.replicate.replicate, round_, discarded, repeats=origin)
            self.blocks.append(block)
            self.new_outputs += [(index, outputs) for outputs in reply.value.new_outputs]
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
        for stop, own, block in zip(self.stops, self.seconds, self.plan.blocks, strict=True):
            if stop.due(self.taken * block.samples):
                stop.check(np.concatenate(own))

    def _is_enough(self) -> bool:
        """Whether the minimum is there, the samples are enough and no round is to be repeated."""
        minimum = self.planned >= self.plan.least and self._spent >= self.plan.floor
        return minimum and all(stop.converged for stop in self.stops) and not self._again

    def _is_over(self) -> bool:
        """Whether the minimum of rounds is there, and the budget of time or samples is spent."""
        full = (self.taken + 1) * self.plan.size > self.replicate.samples_limit
        return self.planned >= self.plan.least and (full or self._spent >= self.plan.budget)


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


def _usual_latency(blocks: list[Block], contender: int) -> float:
    """Seconds of a call, from the end of the warm-up; a guess where there was none."""
    own = [block for block in blocks if block.contender == contender and block.phase == WARMUP]
    return max(float(np.median(own[-1].seconds)), 1e-9) if own else 1e-3
