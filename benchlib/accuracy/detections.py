"""What a detector found, in an order that can be compared.

A detector sorts what it finds by score, so two boxes of nearly one score change places by a rounding, and every output
is another one at both places. Which of them stands first is not asked of an export, only that it finds the same, and
that it sorts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchlib.tensors import FlatArrays, values

KEYS = ("boxes", "labels", "scores")  # of torchvision's detectors, for each image


def in_order_of(reference: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> FlatArrays:
    """`outputs` (by position those of `reference`), the detections of each image arranged so that each stands where
    `reference` has its like: of the same label, with the nearest box. Nothing else is changed, and nothing at all where
    there is no such group of outputs, or another number of detections.

    Masks and key points follow their boxes. A group are the outputs whose names begin alike: `output_0_boxes`, …
    """
    names, found = list(reference), dict(outputs)
    if len(found) != len(names):
        return found
    theirs = dict(zip(names, found, strict=True))  # the reference's name of an output -> its own
    for start in (name.removesuffix(KEYS[0]) for name in names if name.endswith(KEYS[0])):
        group = [name for name in names if name.startswith(start)]
        right = [reference.get(f"{start}{key}") for key in KEYS]
        if any(array is None for array in right):
            continue
        count = len(right[0])
        if any(reference[n].shape[:1] != (count,) or found[theirs[n]].shape[:1] != (count,) for n in group):
            continue
        order = _order(right, [found[theirs[f"{start}{key}"]] for key in KEYS])
        found |= {theirs[name]: found[theirs[name]][order] for name in group}
    return found


def _order(right: list[np.ndarray], found: list[np.ndarray]) -> np.ndarray:
    from scipy.optimize import linear_sum_assignment

    far = np.abs(values(right[0])[:, None].astype(np.float64) - values(found[0])[None]).max(-1, initial=0)
    if not np.isfinite(far).all() or (_sorted(right[2]) and not _sorted(found[2])):
        return np.arange(len(far))
    other = right[1][:, None] != found[1][None]
    return linear_sum_assignment(far + other * (1 + far.max(initial=0)))[1]


def _sorted(scores: np.ndarray) -> bool:
    scores = values(scores)
    return bool((scores[1:] <= scores[:-1]).all())
