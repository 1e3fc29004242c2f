"""What outputs may be off, by the dtype that was computed in.

Weights and activations in 8 or 4 bits are close to nothing: such outputs are judged by their direction as a vector
(cosine similarity; 0.99 for int8 is measurement practice, 4-bit weights get 0.98) and by the classes that they rank
first, and never pass for being close. A direction says nothing of fewer than `FEW` numbers, which have to be close
in these dtypes' own coarse terms.

The tolerances are those of whole models; torch.testing's (1.3e-6 and 1e-5 for float32) are those of single
operators. The multiples of eager's own error are those of torch's dynamo (`same` in torch/_dynamo/utils.py).
None is chosen after the difference is known: a study that needs others says which, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchlib.registry import Options

# -min of float16, bfloat16, float32 and float64
LOWEST = (65504.0, 3.3895313892515355e38, 3.4028234663852886e38, 1.7976931348623157e308)


@dataclass(frozen=True)
class Tolerance:
    """An element may be off by `atol × max(1, std(judge)) + rtol × |judge|`, or the RMSE of its output may be
    `multiple` times that of eager itself."""

    rtol: float
    atol: float
    multiple: float
    reason: str = ""  # why a study sets its own
    cosine: float = 0.0  # above 0: judged by this similarity at least, and not by closeness
    top5: float = 0.0  # … and by this share of the first five classes, where there are classes

    def scaled(self, judge: np.ndarray) -> float:
        """The absolute part for outputs that are right as `judge`, a flat array. Its NaN and infinities have no
        size, nor have the lowest numbers of a dtype, which models mask with."""
        edges = np.abs([judge.max(initial=0), judge.min(initial=0)])
        if not np.isfinite(edges).all() or np.isin(edges, LOWEST).any():
            judge = judge[np.isfinite(judge) & ~np.isin(np.abs(judge), LOWEST)]
        with np.errstate(over="ignore", invalid="ignore"):
            spread = float(np.std(judge, dtype=np.float64)) if judge.size else 0.0
        return self.atol * max(1.0, spread)


TOLERANCES = {
    "float64": Tolerance(1e-7, 1e-8, 2),
    "float32": Tolerance(1e-4, 1e-5, 2),
    "float16": Tolerance(1e-2, 1e-3, 3),
    "bfloat16": Tolerance(5e-2, 1e-2, 3),
}
QUANTISED = {
    "int8": Tolerance(1e-1, 1e-1, 3, cosine=0.99, top5=0.8),
    "int4": Tolerance(1e-1, 2e-1, 3, cosine=0.98, top5=0.8),
}
FEW = 8  # numbers


def tolerance_for(dtype: str, override: Options | None = None) -> Tolerance:
    """The tolerance of a dtype, `int8` or `int4`, with what a study sets instead (`{"rtol", "atol", "reason"}`)."""
    return replace({**TOLERANCES, **QUANTISED}[dtype], **(override or {}))
