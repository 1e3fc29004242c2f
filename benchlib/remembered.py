"""What is looked up once and remembered until `forget`, with which each plan and each trial begins.

A plan asks the same of files, packages and catalogues for each of its thousands of trials; between two plans of a
session anything may change, as the kernel of a notebook lives long and its user works meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
_remembering: list[Any] = []


def remembered(function: Function) -> Function:
    """Makes a function remember what it returned for the same arguments, which are hashable."""
    cached = lru_cache(maxsize=None)(function)
    _remembering.append(cached)
    return cached  # type: ignore[return-value]  # it is called alike


def forget() -> None:
    """Has everything looked up anew."""
    for function in _remembering:
        function.cache_clear()
