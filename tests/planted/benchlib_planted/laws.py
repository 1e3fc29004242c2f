"""Latency laws: how long one call after another takes, as multiples of a base latency.

A law is an endless iterator of factors; the same seed gives the same series. They are pure, so that rules which read
series are tested on them without any clock.
"""

import itertools
import math
import random
from collections.abc import Iterator


def fixed(chance: random.Random) -> Iterator[float]:
    """Always the same."""
    return itertools.repeat(1.0)


def bimodal(chance: random.Random, share: float = 0.2, times: float = 3.0) -> Iterator[float]:
    """A `share` of the calls takes `times` as long; mean 1.4, median 1, p90 3."""
    while True:
        yield times if chance.random() < share else 1.0


def drifting(chance: random.Random, calls: int = 1000, gain: float = 0.1) -> Iterator[float]:
    """Slower by `gain` over `calls` calls, linearly, and on at that rate."""
    for n in itertools.count():
        yield 1.0 + gain * n / calls


def stalling(chance: random.Random, every: int = 50, times: float = 20.0) -> Iterator[float]:
    """One call in `every` stalls."""
    for n in itertools.count(1):
        yield 1.0 if n % every else times


def autocorrelated(chance: random.Random, phi: float = 0.8, sigma: float = 0.03) -> Iterator[float]:
    """exp(σ x), x being a stationary AR(1) series of unit variance with coefficient φ: slow noise."""
    x = chance.gauss(0, 1)
    while True:
        yield math.exp(sigma * x)
        x = phi * x + math.sqrt(1 - phi * phi) * chance.gauss(0, 1)


def settling(chance: random.Random, calls: int = 30, times: float = 3.0) -> Iterator[float]:
    """`times` as long at first, coming down linearly over the first `calls` calls."""
    for n in range(calls):
        yield 1.0 + (times - 1.0) * (1 - n / calls)
    yield from itertools.repeat(1.0)


def levels(chance: random.Random, calls: int = 200, times: float = 1.1) -> Iterator[float]:
    """Two regimes that take turns, `calls` calls each."""
    for n in itertools.count():
        yield times if n // calls % 2 else 1.0


LAWS = {law.__name__: law for law in (fixed, bimodal, drifting, stalling, autocorrelated, settling, levels)}


def series(name: str, seconds: float, seed: int = 0, **numbers: float) -> Iterator[float]:
    """Seconds of one call after another under the law `name`; `numbers` are the law's own."""
    return (seconds * factor for factor in LAWS[name](random.Random(seed), **numbers))
