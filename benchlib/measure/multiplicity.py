"""Many comparisons in one study: how surprising each is, and which decisions stand when all are counted.

With a hundred comparisons of equal things, five intervals exclude 1 by mere chance. Benjamini and Hochberg,
"Controlling the false discovery rate" (J. R. Statist. Soc. B 57, 1995), bound the share of such mistakes among
what is called a difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchlib.measure.statistics import log_ratios

FALSE_DISCOVERY_RATE = 0.05


def p_value(rounds: Sequence[np.ndarray]) -> float | None:
    """Two-sided t test over pairs of processes that the log speedup is 0, on the very values that `speedup` averages.

    `rounds`: one array (rounds, 2) of medians (reference, way) per pair. None for fewer than three pairs.
    """
    if len(rounds) < 3:
        return None
    from scipy.special import stdtr  # as `statistics.mean_interval`: the rest of scipy.stats costs a trial too much

    logs = log_ratios(rounds)
    error = float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    if not error:
        return 1.0 if not logs.mean() else 0.0
    return float(2 * stdtr(len(logs) - 1, -abs(logs.mean()) / error))


def benjamini_hochberg(p_values: Sequence[float]) -> np.ndarray:
    """The q value of each comparison: the smallest false discovery rate at which it still counts as a difference."""
    if not len(p_values):
        return np.empty(0)
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(np.asarray(p_values, float), method="bh"))
