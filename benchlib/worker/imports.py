"""What importing took: here, and in the warm server that this worker was forked from."""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence

SHARED: dict[str, float] = {}  # package -> seconds that the warm server took for it; a forked worker inherits this


def import_packages(packages: Sequence[str]) -> float:
    """Imports packages.

    Returns:
        The seconds that it took here: next to nothing for what the server of a forked worker imported.

    Raises:
        ImportError: for one that is not installed.
    """
    begin = time.perf_counter()
    for package in packages:
        importlib.import_module(package)
    return time.perf_counter() - begin


def import_shared(package: str) -> None:
    """Imports a package in the warm server, and notes how long that took. Raises ImportError."""
    SHARED[package] = import_packages([package])


def shared_seconds(packages: Sequence[str]) -> float:
    """Seconds that the warm server took for these packages; 0 in a worker that is not forked."""
    return sum(SHARED.get(package, 0.0) for package in packages)
