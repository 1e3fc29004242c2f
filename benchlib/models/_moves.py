"""What a move is: it takes an input and chance, and gives numbers of the same shape, which need not differ from the
recorded ones. Which input may move how says the table in `_input_kinds`.

Moves work on plain numbers: those of a bfloat16 as float32. What is beyond the input's dtype is cut off afterwards.
They stand by what they move: numbers (`_number_moves`), masks (`_mask_moves`), the order of items (`_order_moves`),
identifiers (`_identifier_moves`), counts (`_count_moves`), and whatever has edges (`_edge_moves`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchlib.models._use import UNKNOWN, Use


@dataclass(frozen=True)
class InputTensor:
    """What is known of an input: its flat name in lower case, its numbers (zeros of what is to be made up: `is_blank`),
    its use in an ONNX graph (`_onnx_uses`), and the sizes of the axes of all other inputs, which it may count."""

    name: str
    numbers: np.ndarray
    use: Use = UNKNOWN
    sizes: frozenset[int] = frozenset()
    is_blank: bool = False

    @property
    def role(self) -> str:
        return self.use.role


Moved = Callable[[InputTensor, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Move:
    """A move and its words: "× 0.3"."""

    words: str
    move: Moved

    def said_of(self, name: str) -> str:
        """`image × 0.3`, `attention_mask: tail flipped`."""
        return f"{name} {self.words}" if self.words.startswith(("×", "+", "−")) else f"{name}: {self.words}"


def rows_of(numbers: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """The items as rows [n, length] along the last axis that has two and more, and what puts such rows back."""
    axis = next((a for a in reversed(range(numbers.ndim)) if numbers.shape[a] > 1), numbers.ndim - 1)
    turned = np.moveaxis(numbers, axis, -1)
    return turned.reshape(-1, turned.shape[-1]), lambda rows: np.moveaxis(rows.reshape(turned.shape), -1, axis)
