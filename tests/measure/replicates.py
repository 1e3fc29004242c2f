"""Replicates of simulated contenders, whose sequences of calls are held to digests.

A contender's law says how many seconds its n-th call takes; the clock is moved by contenders alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from benchlib.measure.levels import LEVELS, Level

Law = Callable[[int], float]


@dataclass(frozen=True)
class Case:
    """What a replicate is asked for."""

    laws: tuple[Callable[[], Law], ...]  # each makes a law, with a chance of its own
    level: Level
    seed: int = 7
    samples_limit: int = 10_000
    start_cost: float = 0.0
    warmup_calls: tuple[int | None, ...] | None = None
    loops: tuple[int, ...] | None = None
    tick: int = 1  # nanoseconds: the clock's resolution
    noise: Callable[[int], dict[str, int]] | None = None  # of a block that ends with a contender's n-th call
    cores: tuple[int, ...] = ()
    first: int = 0


@dataclass
class Trace:
    """What was asked of the contenders, one after another, and what came of it."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def digest(self) -> str:
        return hashlib.sha256(repr(self.calls).encode()).hexdigest()[:16]


def steady(seconds: float) -> Callable[[], Law]:
    return lambda: lambda n: seconds


def settling(seconds: float) -> Callable[[], Law]:
    return lambda: lambda n: seconds * (1 + 2 * float(np.exp(-n / 10)))


def noisy(seconds: float, spread: float, seed: int) -> Callable[[], Law]:
    def law() -> Law:
        chance = np.random.default_rng(seed)
        return lambda n: seconds * float(np.exp(chance.normal(0, spread)))

    return law


def now_and_then(every: int) -> Callable[[int], dict[str, int]]:
    return lambda calls: {"throttled": int(calls % every < every // 10)}


def _cases() -> dict[str, Case]:
    found = {}
    for name, level in LEVELS.items():
        for seed in (0, 1, 2):
            pair = (noisy(0.004, 0.05, seed), noisy(0.003, 0.02, seed + 10))
            found[f"{name}, seed {seed}"] = Case(pair, level, seed, cores=(0, 2, 5), noise=now_and_then(97))
            found[f"{name}, three, seed {seed}"] = Case((*pair, steady(0.002)), level, seed, first=seed)
        found[f"{name}, one alone"] = Case((noisy(0.003, 0.01, 1),), level)
        found[f"{name}, settling"] = Case((settling(0.01), steady(0.01)), level)
        found[f"{name}, never settled"] = Case((noisy(0.05, 0.8, 3), steady(0.01)), level)
        found[f"{name}, short"] = Case((noisy(20e-6, 0.02, 4), steady(30e-6)), level, tick=1000)
        found[f"{name}, short beside slow"] = Case((steady(10e-6), steady(0.02)), level)
        found[f"{name}, over 50 ms"] = Case((steady(0.2), noisy(0.1, 0.02, 5)), level, cores=(1, 3))
        found[f"{name}, over a second"] = Case((steady(1.5), steady(0.9)), level)
        found[f"{name}, costly start"] = Case((noisy(0.002, 0.02, 6), steady(0.002)), level, start_cost=5.0)
        found[f"{name}, always disturbed"] = Case((steady(0.002),) * 2, level, noise=lambda calls: {"throttled": 1})
        found[f"{name}, often disturbed"] = Case((noisy(0.002, 0.1, 8), steady(0.002)), level, noise=now_and_then(31))
        found[f"{name}, few samples"] = Case((steady(1e-4), steady(2e-4)), level, samples_limit=2000)
        found[f"{name}, later replicate"] = Case((steady(20e-6),) * 2, level, warmup_calls=(17, 4), loops=(64, 32))
        found[f"{name}, no warm-up"] = Case((steady(0.001),) * 2, level, warmup_calls=(0, 0))
    for repeat in (1, 3, 30, 97, 100):
        found[f"repeat {repeat}"] = Case((steady(0.001),) * 2, replace(LEVELS["quick"], repeat=repeat, warmup_calls=2))
    for duration in (0.05, 3.0, 30.0):
        pair = (noisy(0.004, 0.05, 9), steady(0.003))
        found[f"duration {duration:g}"] = Case(pair, replace(LEVELS["quick"], duration=duration))
        found[f"duration {duration:g}, slow"] = Case((steady(0.4),) * 2, replace(LEVELS["precise"], duration=duration))
    return found


CASES = _cases()
