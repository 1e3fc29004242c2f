"""One replicate: contenders warmed up one by one, then timed in interleaved rounds.

Only what `Contender` says is asked of a contender, and the clock is given, so that the rules are tested with
simulated ones. Only one contender runs at a time: the others are stopped (SIGSTOP), so that their spinning
threads disturb nobody.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from benchlib.measure.levels import Level
from benchlib.measure.samples import STEADY, WARMUP, Epoch

SLOW_CALL, ONE_CALL = 0.05, 1.0  # seconds: fewer rounds above the first, one call per round above the second
_WINDOW_TIME, _WINDOW_CALLS = 0.1, (5, 50)
_WARMUP_CALLS = 1000  # at most


class Contender(Protocol):
    """What is timed. `run(calls)` gives {"ns": [...], "start", "end", "cpu"}, all in nanoseconds."""

    def run(self, calls: int) -> dict: ...
    def freeze(self) -> None: ...


def warm_up(contender: Contender, level: Level, calls: int | None = None) -> tuple[list[dict], bool]:
    """Runs a contender until its latency has settled, or exactly `calls` times. Returns (epochs, settled).

    Settled: two windows in a row (each 0.1 s, but 5 to 50 calls) with medians near that of the one before,
    after the level's minimum of calls and time. Bounded by the level's limit and by 1000 calls.
    """
    if calls is not None:
        return ([contender.run(calls)] if calls else []), True
    epochs = [contender.run(1)]
    spent, done, agreeing = _seconds(epochs[0]), 1, 0
    previous = None
    while True:
        usual = max(float(np.median(epochs[-1]["ns"])) / 1e9, 1e-9)
        window = min(max(int(_WINDOW_TIME / usual), _WINDOW_CALLS[0]), _WINDOW_CALLS[1])
        epochs.append(contender.run(window))
        spent, done = spent + _seconds(epochs[-1]), done + window
        median = float(np.median(epochs[-1]["ns"]))
        agreeing = agreeing + 1 if previous and abs(median / previous - 1) <= level.settled else 0
        previous = median
        settled = agreeing >= 2 and done >= level.warmup_min and spent >= level.warmup_time
        if settled or spent >= level.warmup_limit or done >= _WARMUP_CALLS:
            # Many quick calls without two calm windows still end the warm-up: noise is not a cold start.
            return epochs, settled


def calls_per_epoch(usual: float, level: Level, epochs_planned: int, samples_limit: int) -> int:
    """Calls in one epoch, the same for all contenders, from the slowest one's usual latency in seconds.

    One more call precedes each epoch's counted ones: the first after a stop finds cold caches.
    """
    if usual > ONE_CALL:
        return 1
    calls = max(1, int(level.epoch_time / usual))
    return max(1, min(calls, samples_limit // max(1, epochs_planned) - 1))


def order(seed: int, pair: int, round_: int, contenders: int) -> list[int]:
    """The order of a round: two contenders take turns in going first (ABBA), more follow a random cyclic Latin
    square. Reproducible from the seed; each contender is first equally often."""
    chance = random.Random(f"{seed}/{pair}/{round_ // contenders}")
    base = list(range(contenders))
    chance.shuffle(base)
    shift = round_ % contenders
    return base[shift:] + base[:shift]


def measure_pair(
    contenders: Sequence[Contender],
    pair: int,
    level: Level,
    seed: int,
    start_cost: float,
    warmup_calls: Sequence[int | None],
    samples_limit: int,
    clock: Callable[[], float],
    first: int = 0,
) -> tuple[list[Epoch], list[bool]]:
    """Warm-up and rounds of one replicate: all its epochs in time order, and whether each warm-up settled.

    `start_cost` is what starting these processes cost, in seconds; they measure at least as long.
    `samples_limit` bounds the samples of this replicate; `first` is the contender warmed up first.
    """
    epochs: list[Epoch] = []
    settled = [False] * len(contenders)
    for step in range(len(contenders)):
        index = (first + step) % len(contenders)
        found, settled[index] = warm_up(contenders[index], level, warmup_calls[index])
        contenders[index].freeze()
        epochs += [_epoch(index, pair, -1, WARMUP, 0, e) for e in found]
    usual = max(_usual(epochs, i) for i in range(len(contenders)))
    rounds_min = level.min_rounds_slow if usual > SLOW_CALL else level.min_rounds
    target = level.duration or min(max(level.pair_time, start_cost), level.pair_limit)
    calls = calls_per_epoch(usual, level, len(contenders) * rounds_min * 3, samples_limit)
    if level.repeat:
        calls, rounds_min, target = _fixed(level.repeat, calls, rounds_min)
    skip = int(usual <= ONE_CALL)
    begin, round_, taken = clock(), 0, 0
    while round_ < rounds_min or (
        clock() - begin < target and taken + len(contenders) * (calls + skip) <= samples_limit
    ):
        if level.duration and clock() - begin >= level.duration and round_ >= 1:
            break
        for index in order(seed, pair, round_, len(contenders)):
            result = contenders[index].run(calls + skip)
            contenders[index].freeze()
            epochs.append(_epoch(index, pair, round_, STEADY, skip, result))
            taken += calls + skip
        round_ += 1
    return epochs, settled


def _fixed(repeat: int, calls: int, rounds: int) -> tuple[int, int, float]:
    """`repeat` counted samples per process, in rounds of equal size; no time beyond them."""
    calls = max(1, min(calls, repeat // rounds))
    while repeat % calls:
        calls -= 1
    return calls, repeat // calls, 0.0


def _usual(epochs: list[Epoch], contender: int) -> float:
    own = [e.ns for e in epochs if e.contender == contender]
    return float(np.median(own[-1])) / 1e9 if own else 1e-3


def _seconds(epoch: dict) -> float:
    return (epoch["end"] - epoch["start"]) / 1e9


def _epoch(contender: int, pair: int, round_: int, phase: str, skip: int, found: dict) -> Epoch:
    ns = np.array(found["ns"], np.uint64)
    return Epoch(contender, pair, round_, phase, found["start"], found["end"], found["cpu"], skip, ns)
