"""Running a script under the profiler, from outside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchlib.discovery.found import Discovery


def discover(
    script: str | Path, args: Sequence[str] = (), max_depth: int = 0, timeout: float = 600.0
) -> Discovery:
    """Runs the script and says what it called. Cached by the script's content. Raises UserError for no script."""
    raise NotImplementedError


def take(
    script: str | Path, args: Sequence[str], max_depth: int, hash: str, folder: Path, timeout: float = 600.0
) -> None:
    """Runs the script again and saves one model as it was at its first call, and its inputs, into `folder`.

    model.pt (`benchlib.models._saved`), inputs.npz (`benchlib.tensors`) and meta.json (class, positional, weights,
    paths), as `benchlib.models.python` reads them. Raises UserError; for an unknown hash with those that there are.
    """
    raise NotImplementedError
