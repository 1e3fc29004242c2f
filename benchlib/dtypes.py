"""The values of a trial's `dtype`."""

from __future__ import annotations

OWN = "own"  # that of an object or a script's model; of all others float32
MIXED = "mixed"  # what such a model has whose parts and inputs have several: they stay as they are
DTYPES = ("float32", "float16", "bfloat16", "float64")
