"""What a script reads before it calls its models, noted inside its process: what may make it another script.

Files are noted as they are opened: Python tells its audit hooks, readers in other languages are wrapped (`readers`),
and what is mapped or open shows in `/proc`. Modules count when they are imported, folders when they are listed, names
that are looked for whether they are there or not, variables of the environment when the user's own code reads them.
What cannot be seen is said, so that such a script runs again: another process, a connection, a file that the script
writes as well.

What counts says `scope`. What is read after the last model was first called is not a model's.
"""

from __future__ import annotations

import functools
import os
import re
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchlib.discovery import readers
from benchlib.discovery.dependencies import Stamp, names_in, stamp_of
from benchlib.discovery.journal import Read
from benchlib.discovery.scope import Scope

_WRITES = {"w", "a", "x", "+"}
_PROCESSES = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "os.exec")
_LISTS = ("os.listdir", "os.scandir")
_OPENS = ("sqlite3.connect", "ctypes.dlopen")  # besides `open`: readers that tell of themselves
# Variables that say where and how a process runs, and nothing of what it computes.
_NO_VARIABLES = re.compile(
    r"PATH|HOME|PWD|OLDPWD|TMPDIR|TMP|TEMP|USER|LOGNAME|SHELL|SHLVL|HOSTNAME|DISPLAY|COLUMNS|LINES|LANG|LANGUAGE|_"
    r"|TERM.*|LC_.*|XDG_.*|(OMP|MKL|KMP|GOMP|OPENBLAS|NUMEXPR|VECLIB|BENCHLIB)_.*|PYTHON(HASHSEED|UNBUFFERED|PATH)"
    r"|PYTHONDONTWRITEBYTECODE"
)


class Reads:
    """What one process reads. `start` begins to watch, `mark` says that a model is called, `told` is what counts."""

    def __init__(self, script: str, apart: Sequence[str]):
        """`apart`: folders that are ours, which the script knows nothing of."""
        self._scope = Scope(script, apart)
        self._initial = dict(os.environ)
        self._files: dict[str, Stamp] = {}  # as they were when they were opened
        self._looked_for: dict[str, bool] = {}
        self._folders: dict[str, str] = {}
        self._variables: dict[str, None] = {}
        self._unseen: dict[str, None] = {}
        self._written: set[str] = set()
        self._held: set[str] = set()
        self._marked: tuple[int, ...] = ()  # how much of each was noted when a model was last called the first time
        self._modules: list[str] = []  # those that were imported by then
        self._busy, self._pid, self._stat = threading.local(), os.getpid(), os.stat

    @property
    def after(self) -> dict[str, Callable[[Any], None]]:
        """What is to be called with modules once they are imported, by their names."""
        return readers.after_import(lambda path: self._guarded(self._read_natively, path))

    def start(self) -> None:
        sys.addaudithook(self._hear)
        self._watch_environment()

        @functools.wraps(self._stat)
        def watched(path: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                found = self._stat(path, *args, **kwargs)
            except OSError:
                self._guarded(self._look_for, path, False)
                raise
            self._guarded(self._look_for, path, True)
            return found

        os.stat = watched

    def mark(self) -> None:
        """A model is called that was not called before: all that was read until now counts."""
        if not self._modules:
            self._guarded(self._note_held)
        self._marked, self._modules = tuple(map(len, self._all())), list(sys.modules)

    def told(self) -> Read:
        """What counts of all that was read; where no model was called, everything."""
        if not self._modules:
            self.mark()
        counted = zip(self._all(), self._marked, strict=True)
        files, looked_for, folders, variables, unseen = (dict(list(dict(noted).items())[:n]) for noted, n in counted)
        self._guarded(self._note_held)
        files |= {path: stamp for path, stamp in self._files.items() if path in self._held}
        files |= self._imported()
        written = [f"reads and writes {path}" for path, stamp in files.items() if self._is_written(path, stamp)]
        return Read(
            files=files,
            looked_for={path: there for path, there in looked_for.items() if path not in files},
            folders=folders,
            environment={name: self._initial.get(name) for name in variables},
            unseen=[*unseen, *written],
        )

    # -- what is noted -------------------------------------------------------------------------------------------------

    def _all(self) -> tuple[dict[str, Any], ...]:
        return self._files, self._looked_for, self._folders, self._variables, self._unseen

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._guarded(self._opened, *arguments)
        elif event in _LISTS:
            self._guarded(self._listed, arguments[0])
        elif event in _OPENS:
            self._guarded(self._read, arguments[0])
        elif event in _PROCESSES:
            self._guarded(self._say_unseen, "starts another process")
        elif event == "socket.connect":
            self._guarded(self._say_unseen, "connects to a socket")

    def _guarded(self, note: Callable[..., None], *arguments: Any) -> None:
        """Notes something, whatever it is: no mistake of ours is the script's, and what we do ourselves is not it."""
        if getattr(self._busy, "noting", False) or os.getpid() != self._pid:
            return
        self._busy.noting = True
        try:
            note(*arguments)
        except Exception:
            self._unseen.setdefault("reads what could not be looked at")
        finally:
            self._busy.noting = False

    def _opened(self, path: Any, mode: str | None, flags: int) -> None:
        if mode is None:
            writes, reads = flags & (os.O_WRONLY | os.O_RDWR), not flags & (os.O_WRONLY | os.O_TRUNC)
        else:
            writes, reads = not _WRITES.isdisjoint(mode), "r" in mode or {"a", "+"} <= set(mode)
        if writes and (name := self._scope.name(path)):
            self._written.add(name)
        if reads:
            self._read(path)

    def _read(self, path: Any) -> None:
        name = self._scope.name(path)
        if not name or name in self._files:
            return
        try:
            found = self._stat(name)
        except OSError:
            self._looked_for.setdefault(name, False)
            return
        if stat.S_ISREG(found.st_mode) and not self._scope.is_scratch(name, found.st_ctime_ns):
            self._files[name] = stamp_of(found)

    def _listed(self, path: Any) -> None:
        name = self._scope.name(os.curdir if path is None else path)
        if not name or name in self._folders or not self._scope.is_users():
            return
        if os.path.isdir(name):
            self._folders[name] = names_in(name)
        else:
            self._looked_for.setdefault(name, False)

    def _look_for(self, path: Any, there: bool) -> None:
        name = self._scope.name(path)
        if name and name not in self._looked_for and self._scope.is_users():
            self._looked_for[name] = there

    def _say_unseen(self, what: str) -> None:
        if self._scope.is_users():
            self._unseen.setdefault(what)

    def _note_held(self) -> None:
        """What is mapped or open now: readers that are not wrapped may keep it so."""
        for line in Path("/proc/self/maps").read_text(errors="replace").splitlines():
            self._hold(line[line.find("/") :] if "/" in line else "")
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                flags = Path(f"/proc/self/fdinfo/{descriptor}").read_text().partition("flags:")[2].split()[0]
                path = os.readlink(f"/proc/self/fd/{descriptor}")
            except OSError:  # that of the listing itself, which is closed by now
                continue
            self._hold("" if int(flags, 8) & os.O_WRONLY else path)

    def _hold(self, path: str) -> None:
        if path.startswith("/") and not path.endswith(" (deleted)") and (name := self._scope.name(path)):
            self._read(name)
            self._held.add(name)

    def _read_natively(self, path: Any) -> None:
        for file in readers.files_of(path):
            self._read(file)

    def _imported(self) -> dict[str, Stamp]:
        """The files of modules from outside the installed packages, imported before the last model was called."""
        files = [getattr(sys.modules.get(name), "__file__", None) for name in self._modules]
        found: dict[str, Stamp] = {}
        for name in filter(None, map(self._scope.name, files)):
            with suppress(OSError):
                found[name] = stamp_of(self._stat(name))
        return found

    def _is_written(self, path: str, stamp: Stamp) -> bool:
        """Whether a file that was read is written by this run too, at whatever time."""
        try:
            now = stamp_of(self._stat(path))
        except OSError:
            return True
        return path in self._written or now != stamp or now.changed >= self._scope.began

    # -- what tells of itself in no event ------------------------------------------------------------------------------

    def _watch_environment(self) -> None:
        guarded, note = self._guarded, self._note_variable

        class Environment(type(os.environ)):  # type: ignore[misc]
            def __getitem__(self, name: str) -> str:
                guarded(note, name)
                return super().__getitem__(name)

        os.environ.__class__ = Environment

    def _note_variable(self, name: Any) -> None:
        if (
            isinstance(name, str)
            and name not in self._variables
            and not _NO_VARIABLES.fullmatch(name)
            and self._scope.is_users()
        ):
            self._variables[name] = None
