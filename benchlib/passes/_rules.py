"""Rules that are taken out of a pass by name: `family-Pattern`."""

from __future__ import annotations

from collections.abc import Iterable

from benchlib.errors import UserError, suggestion


def known(family: str, without: Iterable[str], names: Iterable[str]) -> None:
    """Raises UserError for the first rule that the pass does not have, with the nearest that it has."""
    names = sorted(set(names))
    for name in without:
        if name not in names:
            near = suggestion(name, names) or f"; it has {', '.join(names)}"
            raise UserError(f"pass {family} has no rule '{name}'{near}")
