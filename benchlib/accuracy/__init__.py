"""Do these outputs equal those that count as right? numpy on arrays.

`tolerances` declares what is allowed per dtype, `stack` puts one output over several sets of inputs together, `slices`
cuts it, `gates` judges the slices, `few_bits` those of a way that computes in 8 or 4 bits, `figures` gives the numbers
of one output, `ranking` the agreement of logits, `provable` says whether float64 can judge and whether the outputs
prove anything, `pairs` puts complex numbers together, `detections` the order of what a detector found, `compare` the
verdict on a session's outputs.
"""

from benchlib.accuracy.compare import Check, compare, discrepancies
from benchlib.accuracy.detections import in_order_of
from benchlib.accuracy.pairs import as_complex_of
from benchlib.accuracy.provable import Sets, cannot_judge, worst_own_error
from benchlib.accuracy.tolerances import TOLERANCES, Tolerance, tolerance_for

__all__ = [
    "TOLERANCES",
    "Check",
    "Sets",
    "Tolerance",
    "as_complex_of",
    "cannot_judge",
    "compare",
    "discrepancies",
    "in_order_of",
    "tolerance_for",
    "worst_own_error",
]
