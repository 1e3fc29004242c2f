"""What outputs may be off, by the dtype that was computed in.

The shares of a slice's spread are those of whole models; torch.testing's (1.3e-6 and 1e-5 for float32) are those of
single operators. The multiples of eager's own error are those of torch's dynamo (`same` in torch/_dynamo/utils.py).
Both were fixed by pairs of right implementations (tests/accuracy/test_healthy.py) before a wrong one was looked at.

Weights and activations in 8 or 4 bits are close to nothing: such outputs are judged by their correlation with what is
right (`few_bits`) and by the classes that they rank first, and never pass for being close. None is chosen after the
difference is known: a study that needs others says which, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchlib.registry import Options


@dataclass(frozen=True)
class Tolerance:
    """What a way that computes in `dtype` may be off.

    A study that sets `rtol`, `atol` and its `reason` means every element: one may be off by
    `atol × max(1, spread of the output) + rtol × |right|`. Without a reason these two only scale the figures
    `tolerance_share` and `elements_beyond`, and `spread_share` and `multiple` decide slice by slice (`gates`).
    """

    rtol: float
    atol: float
    multiple: float  # k: times the reference's own error
    reason: str = ""  # why a study sets its own
    dtype: str = ""  # what is computed in, by torch's name, or int8 or int4
    spread_share: float = 0.0  # t: the part of a slice's spread that its error may have
    correlation: float = 0.0  # above 0: judged by this correlation at least, and not by closeness
    top5: float = 0.0  # … and by this share of the first five classes, where there are classes


TOLERANCES = {
    "float64": Tolerance(1e-7, 1e-8, 2, dtype="float64", spread_share=1e-7),
    "float32": Tolerance(1e-4, 1e-5, 2, dtype="float32", spread_share=1e-4),
    "float16": Tolerance(1e-2, 1e-3, 3, dtype="float16", spread_share=1e-2),
    "bfloat16": Tolerance(5e-2, 1e-2, 3, dtype="bfloat16", spread_share=5e-2),
    # Parts in several dtypes: as strict as float32, and eager's own error in them decides where that is larger.
    "mixed": Tolerance(1e-4, 1e-5, 3, dtype="mixed", spread_share=1e-4),
}
QUANTISED = {
    "int8": Tolerance(1e-1, 1e-1, 3, dtype="int8", correlation=0.99, top5=0.8),
    "int4": Tolerance(1e-1, 2e-1, 3, dtype="int4", correlation=0.98, top5=0.8),
}


def tolerance_for(dtype: str, override: Options | None = None) -> Tolerance:
    """The tolerance of a dtype, `int8` or `int4`, with what a study sets instead (`{"rtol", "atol", "reason"}`)."""
    return replace({**TOLERANCES, **QUANTISED}[dtype], **(override or {}))
