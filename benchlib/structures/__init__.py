"""How a nesting of inputs or outputs is taken apart into named leaves, and put together again: the one place for both.

A leaf is an array or a dense tensor; numbers, texts and None are constants. Lists, tuples and dicts are known here, and
`kinds.KINDS` says of everything else how its parts are found and what makes it again: named tuples, tensors that are no
dense ones (sparse, nested, of a class of their own), objects that are their attributes (dataclasses, caches of
transformers), and what torch's pytree knows (outputs of transformers). What is left is pickled, its tensors taken out.
A class from a notebook or a script travels with the structure.

Of itself this needs no torch: a process without it passes structures on, and sees the parts of objects as dicts
(`plain`). Dynamo traces `flatten` and `unflatten` in exported models: kinds are looked up by class, which a call
before the trace has filled in.
"""

from benchlib.structures.builders import NONE, SOME
from benchlib.structures.structure import Structure
from benchlib.structures.tensor_kinds import is_special, special_parts
from benchlib.structures.together import plain, unflatten
from benchlib.structures.walk import flatten, leaves_of, outline

__all__ = [
    "NONE", "SOME", "Structure", "flatten", "is_special", "leaves_of", "outline", "plain", "special_parts",
    "unflatten",
]  # fmt: skip
