"""What can go wrong and whose affair it is: the user's, the machine's, or the model's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. Its text is the whole message: what is wrong, where, and what would be right.

    The command line prints it alone and exits with status 2; a notebook shows the same line
    instead of a traceback.
    """

    def _render_traceback_(self) -> list[str]:  # IPython calls this instead of formatting a traceback
        return [f"benchlib: {self}"]


class UnknownName(UserError):
    """A name that no registry, parameter list or study knows, with the nearest ones that exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        super().__init__(f"unknown {kind} '{name}'{suggestion(str(name), known)}")


class Unavailable(Exception):
    """This machine lacks what the trial needs (a device, a package, a compiler): `skipped`, not `failed`."""


class UnusableHost(UserError):
    """Nothing can be measured on this host until its user has mended something: a sweep ends with it, where it would
    otherwise tell the same of each of its trials."""


class Interrupted(Exception):
    """Ctrl-C, or SIGTERM: everything measured so far is stored. Its text says how far the sweep came."""


class Refused(UserError):
    """What cannot be done with this model, found out only when it is there: `refused`, not `failed`."""


_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # of terminals: torch and IPython colour their messages


def plain(text: object) -> str:
    """A message without a terminal's colours."""
    return _COLOURS.sub("", str(text))


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for a near miss, the whole list when it is short, else nothing."""
    known = sorted(set(map(str, known)))
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6) or [
        k for k in known if name and k.lower() == name.lower()
    ]
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= 12 else ""
