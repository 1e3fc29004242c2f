"""Randomness that repeats: a script that sets no seed makes the same numbers in each run.

Every generator that would take its seed from the system takes one from a row of numbers instead, the same in each run.
What a script seeds itself stays as it wants it. The seed of Python's hashes is in the environment that a run is given.
"""

from __future__ import annotations

import itertools
import random
import sys
import uuid
from collections.abc import Callable
from typing import Any

SEED = 0
ENVIRONMENT = {"PYTHONHASHSEED": str(SEED)}


def fix_python() -> None:
    """The module `random`, each `random.Random()`, and `uuid`; names of temporary files stay as random as they are."""
    original, numbers = random.Random.seed, itertools.count(SEED + 1)

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None and sys._getframe(2).f_globals.get("__name__") != "tempfile":
            a = next(numbers)
        original(self, a, version)

    # Names that a package gives its objects.
    uuid.uuid4 = uuid.uuid1 = lambda *_, **__: uuid.UUID(int=next(numbers), version=4)  # type: ignore[assignment]
    random.Random.seed = seed  # type: ignore[method-assign,assignment]
    random.seed = random._inst.seed  # type: ignore[attr-defined]
    random.seed(SEED)


def fix_numpy(numpy_random: Any) -> None:
    """Its global generator, and all that are made without a seed."""
    numbers = random.Random(SEED)
    numpy_random.bit_generator.randbits = numbers.getrandbits
    numpy_random.seed(SEED)


def fix_torch(torch: Any) -> None:
    torch.manual_seed(SEED)


AFTER: dict[str, Callable[[Any], None]] = {"numpy.random": fix_numpy, "torch": fix_torch}
