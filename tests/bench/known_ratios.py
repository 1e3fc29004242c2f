"""Loops that are 5 and 10 % longer are called slower, and never faster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from benchlib.measure.statistics import FASTER, SLOWER
from tests.bench.figure import Figure, at_least
from tests.bench.whole_trial import consumed, planted

LONGER = {0.05: 0.80, 0.10: 0.95}  # by what share a loop is longer: in what share of the comparisons that is seen
COMPARISONS = 20
LOOPS = 1_500_000  # about 2 ms
# Six pairs of processes, one second each; a counted loop has nothing to warm up.
EFFORT = {"level": "precise", "duration": 1.0, "warmup": 50}


def figures(longer: Mapping[float, float] = LONGER, comparisons: int = COMPARISONS, **shorter: Any) -> Iterator[Figure]:
    for share, wanted in longer.items():
        way = consumed(round(LOOPS * (1 + share)))
        found = [planted(way, consumed(LOOPS), seed=n, **EFFORT | shorter).metrics for n in range(comparisons)]
        verdicts = Counter(metrics["verdict"] for metrics in found)
        ratios = 1 / np.array([metrics["speedup"] for metrics in found])
        remark = f"ratios {ratios.min():.3f}…{ratios.max():.3f}; " + ", ".join(
            f"{n} {verdict}" for verdict, n in verdicts.items()
        )
        title = f"{100 * share:g} % more turns, {comparisons} comparisons:"
        yield at_least(f"{title} called slower", verdicts[SLOWER] / comparisons, wanted, f"{wanted:g}", remark=remark)
        yield Figure(f"{title} called faster", str(verdicts[FASTER]), "0", not verdicts[FASTER])
