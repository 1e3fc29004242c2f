"""Do logits rank the same classes first? What a classifier's or a language model's user sees."""

from __future__ import annotations

import numpy as np

FEWEST, TOP = 6, 5  # classes below which a ranking says nothing; how many of the first are compared
HALF = 2.0**-10  # the error of half precision, relative
MOST = 1 << 20  # logits that are ranked; of more, rows taken evenly


def ranks_classes(name: str, array: np.ndarray, task: str) -> bool:
    """Whether an output holds logits over its last axis: it is called so, or is the one of a classifier."""
    shaped = array.ndim >= 2 and array.shape[-1] >= FEWEST and array.dtype.kind == "f"
    return shaped and ("logits" in name.lower() or ("classification" in task and array.ndim == 2))


def agreement(found: np.ndarray, judge: np.ndarray, atol: float, rtol: float) -> dict[str, float]:
    """`top1`: the share of rows whose first class is the judge's; `top5`: the mean share of the judge's first
    five that are among the first five.

    Ties count against `found`: where all classes are equal, none is first. A class that is missing counts only where
    the judge's margin over the first class outside (the second, the sixth) exceeds atol + rtol × |logit|: below it,
    the judge itself cannot tell them apart.
    """
    step = max(1, -(-judge.size // MOST))
    found, judge = (a.reshape(-1, a.shape[-1])[::step] for a in (found, judge))
    if not len(judge):
        return {}
    order = np.argpartition(judge, -TOP - 1, axis=-1)[:, -TOP - 1 :]
    values = np.take_along_axis(judge, order, -1)
    place = np.argsort(values, axis=-1)[:, ::-1]
    first = np.take_along_axis(order, place, -1)  # the judge's first six classes, best first
    values = np.take_along_axis(values, place, -1)
    own = np.take_along_axis(found, first, -1)
    best = np.partition(found, (-TOP - 1, -2), axis=-1)
    second, sixth = best[:, -2], best[:, -TOP - 1]
    allowed = atol + rtol * np.abs(values)
    missed_first = (own[:, 0] <= second) & (values[:, 0] - values[:, 1] > allowed[:, 0])
    missed = (own[:, :TOP] <= sixth[:, None]) & (values[:, :TOP] - values[:, TOP:] > allowed[:, :TOP])
    return {"top1": float(1 - missed_first.mean()), "top5": float(1 - missed.mean())}
