"""What can go wrong and whose affair it is: the user's, the machine's, or the model's."""

from __future__ import annotations

import difflib
import importlib.util
import re
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. Each complaint is a whole message: what is wrong, where, and what would be right.

    The command line prints them alone, a line each, and exits with status 2; a notebook shows the same lines instead
    of a traceback.

    Attributes:
        complaints: everything that is wrong, in the order of the input.
    """

    def __init__(self, *complaints: str):
        super().__init__(*complaints)
        self.complaints = tuple(map(str, complaints))

    def __str__(self) -> str:
        return "\n".join(self.complaints)

    def as_lines(self) -> list[str]:
        """The lines that a user sees, each with the name of this library before it."""
        return [f"benchlib: {line}" for line in str(self).splitlines()]

    def _render_traceback_(self) -> list[str]:  # IPython calls this instead of formatting a traceback
        return self.as_lines()


class UnknownName(UserError):
    """A name that no registry, parameter list or study knows, with the nearest ones that exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        super().__init__(f"unknown {kind} '{name}'{suggestion(str(name), known)}")


class Unavailable(Exception):
    """This machine lacks what the trial needs (a device, a package, a compiler): `skipped`, not `failed`."""


def missing_package(error: BaseException | None) -> str | None:
    """The package without which an import failed, where it is not installed; None of any other error. A module that an
    installed package lacks is the affair of its version."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return name if name and importlib.util.find_spec(name) is None else None


class UnusableHost(UserError):
    """Nothing can be measured on this host until its user has mended something: a sweep ends with it, where it would
    otherwise tell the same of each of its trials."""


class Interrupted(Exception):
    """Ctrl-C, or SIGTERM: everything measured so far is stored. Its text says how far the sweep came."""


class InterruptedByHand(KeyboardInterrupt):
    """Ctrl-C at a notebook that somebody runs by hand, which shows a line instead of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"benchlib: {self}"]


class ChildDied(RuntimeError):
    """The process that executes the trials of `benchlib.run` or `benchlib.sweep` ended before it was done.

    Trials that were finished are kept in the folder.

    Attributes:
        status: its exit code; the negative number of the signal that ended it.
        output: the end of what it printed on standard error, with its traceback where it had one.
    """

    def __init__(self, status: int, cause: str, output: str = ""):
        super().__init__(status, cause, output)
        self.status, self.cause, self.output = status, cause, output

    def __str__(self) -> str:
        return "\n".join(filter(None, [f"the process that executes the trials died: {self.cause}", self.output]))


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
