"""Simulated latencies with known laws."""

import numpy as np
from scipy.signal import lfilter


def correlated(n: int, phi: float, sd: float, chance: np.random.Generator) -> np.ndarray:
    """(n,) a stationary AR(1) process with standard deviation `sd`."""
    steps = chance.normal(0, sd * np.sqrt(1 - phi**2), n)
    steps[0] = chance.normal(0, sd)
    return lfilter([1.0], [1.0, -phi], steps)


def latencies(n: int, phi: float, chance: np.random.Generator, base: float = 0.01, sd: float = 0.03) -> np.ndarray:
    """(n,) seconds: lognormal noise of 3 % with correlation `phi`, and 2 % of the calls take half as long again."""
    return base * np.exp(correlated(n, phi, sd, chance)) * np.where(chance.random(n) < 0.02, 1.5, 1.0)


def median_of(base: float = 0.01, sd: float = 0.03) -> float:
    """The true median of `latencies`."""
    return float(np.median(latencies(2_000_000, 0.0, np.random.default_rng(99), base, sd)))
