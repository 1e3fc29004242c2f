"""What to do about inputs of which nothing tells what they hold."""

from __future__ import annotations

from collections.abc import Sequence

from benchlib.models._onnx_graph import Values
from benchlib.models._onnx_uses import FLOATS

_GUESSES = {  # whether all are floats, and whether some are -> what is not known, and what is taken
    (True, True): ("numbers fit", "1.0 was"),
    (False, True): ("numbers fit", "0 and 1, and 1.0 of floats, were"),
    (False, False): ("whole numbers are legal", "0 and 1 were"),
}


def guessed_in_words(names: Sequence[str], wanted: Values) -> str:
    """What was taken for the inputs `names` of all that are wanted, and what would settle it; "" without any."""
    if not names:
        return ""
    listed = ", ".join(f"{name} {wanted[name]}" for name in names)
    kinds = {wanted[name].kind in FLOATS for name in names}
    numbers, taken = _GUESSES[kinds == {True}, True in kinds]
    return (
        f"{listed}: neither the graph nor a name says which {numbers}, so {taken} taken; "
        f"`inputs: FILE.npz` with {', '.join(wanted)} would settle it"
    )
