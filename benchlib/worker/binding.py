"""The inputs of a file, bound to a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.tensors import FlatArrays


def bound(session: Any, file: Path) -> tuple[Callable[[], Any], FlatArrays]:
    """A call of a session on the inputs of a file, and the arrays that it reads.

    A session that runs the model's own code (`takes_tensors`) gets them as they were given: tensors in their classes,
    with their strides and what they share. Any other gets arrays that are contiguous, each by itself.
    """
    flat, structure = tensors.load(file)
    if getattr(session, "takes_tensors", False):
        return session.bind(tensors.as_given(structure, flat), flat), flat
    flat = tensors.apart(flat)
    return session.bind(tensors.plain(structure, flat), flat), flat
