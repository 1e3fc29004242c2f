"""What made-up inputs hold of which the graph or their name says what that is: settings, ranges, boxes, sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchlib.models._blank import Blank

STEPS = 1000  # of a diffusion
LEAST = 0.01  # of what is positive
IMAGE = (480, 640)  # height and width of a photograph, where no other input is one


def _legal(blank: Blank) -> np.ndarray:
    """What is legal, in turn; of one number more than the shape has, the last ones: those of height and width."""
    legal = np.array(blank.tensor.use.legal)
    size = blank.tensor.numbers.size
    return (legal[-size:] if 0 < size < len(legal) else np.resize(legal, size)).reshape(blank.shape)


def _one_hot(blank: Blank) -> np.ndarray:
    """Another place in each row."""
    width = blank.shape[-1] if blank.shape else 1
    rows = blank.tensor.numbers.size // max(width, 1)
    return np.eye(width)[np.resize(blank.chance.permutation(width), rows)].reshape(blank.shape)


def _boxes(blank: Blank) -> np.ndarray:
    """x0 < x1 and y0 < y1 within a width and a height; of five columns the first one is the item's."""
    columns = blank.shape[-1] if blank.shape else 0
    if columns not in (4, 5):
        return blank.chance.random(blank.shape)
    rows = blank.tensor.numbers.size // columns
    start, length = blank.chance.uniform(0, 0.5, (rows, 2)), blank.chance.uniform(0.1, 0.5, (rows, 2))
    corners = np.stack([start, start + length], 1) * np.array(blank.tensor.use.legal or (1.0, 1.0))
    items = np.zeros((rows, columns - 4))
    return np.concatenate([items, corners.reshape(rows, 4)], -1).reshape(blank.shape)


def _image_size(blank: Blank) -> np.ndarray:
    return _in_turn(blank.image or IMAGE, blank)


def _in_turn(numbers: tuple[float, ...], blank: Blank) -> np.ndarray:
    """Numbers along the last axis; ones behind them."""
    width = blank.shape[-1] if blank.shape else 1
    row = np.ones(width)
    row[: len(numbers)] = numbers[:width]
    return np.broadcast_to(row, blank.shape) if blank.shape else row[0]


KNOWN: Mapping[str, Callable[[Blank], np.ndarray]] = {
    "fixed": _legal,
    "setting": _legal,
    "positive": lambda blank: blank.chance.uniform(LEAST, 1, blank.shape),
    "unit": lambda blank: blank.chance.uniform(-1, 1, blank.shape),
    "boxes": _boxes,
    "pixels": lambda blank: blank.chance.integers(0, 256, blank.shape),
    "one hot": _one_hot,
    "timestep": lambda blank: blank.chance.integers(1, STEPS, blank.shape),
    "image size": _image_size,
}
