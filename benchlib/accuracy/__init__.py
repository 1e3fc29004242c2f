"""Do these outputs equal those that count as right? numpy on arrays.

`tolerances` declares what is allowed per dtype, `figures` gives the numbers of one output, `ranking` the
agreement of logits, `own_error` the error of the reference itself, `detections` the order of what a detector found,
`compare` the verdict on a session's outputs.
"""

from benchlib.accuracy.compare import Check, Exact, combined, compare, discrepancies
from benchlib.accuracy.detections import in_order_of
from benchlib.accuracy.own_error import misfit, own_error, too_large
from benchlib.accuracy.tolerances import TOLERANCES, Tolerance, tolerance_for

__all__ = [
    "TOLERANCES",
    "Check",
    "Exact",
    "Tolerance",
    "combined",
    "compare",
    "discrepancies",
    "in_order_of",
    "misfit",
    "own_error",
    "tolerance_for",
    "too_large",
]
