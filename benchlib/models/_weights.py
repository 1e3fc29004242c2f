"""What a model has learned, as the record counts it: one rule for modules, TorchScript and ONNX files.

Counted are numbers, by what they stand for and not by how they are packed: a quantised layer has as many parameters
as the layer that it was made of, two of 4 bits take a byte. What is shared counts once. Of a sparse tensor those
numbers count that are stored. No parameters are buffers (of batch normalisation the running statistics, in a graph
too), scales and zero points of quantised weights, and what only says sizes, axes or indices.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from benchlib.registry import Facts


@dataclass
class Weights:
    """Numbers by their dtype, and the bits that they take."""

    elements: Counter[str] = field(default_factory=Counter)
    bits: int = 0
    in_constants: int = 0  # of the numbers, those that a graph holds as constants

    def add(self, dtype: str, elements: int, bits: int, is_constant: bool = False) -> None:
        """Counts a tensor of `elements` numbers, which take `bits` together."""
        self.elements[dtype] += elements
        self.bits += bits
        self.in_constants += elements if is_constant else 0

    def facts(self) -> Facts:
        """The metrics of a model that are made of it; `params_in_constants` where there are some."""
        facts: Facts = {
            "params_size": self.elements.total(),
            "params_dtype": "|".join(dtype for dtype, count in self.elements.most_common() if count),
            "weights_size": self.bits // 8,
        }
        if self.in_constants:
            facts["params_in_constants"] = self.in_constants
        return facts
