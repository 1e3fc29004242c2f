"""What a script reads before it calls its models, noted inside its process: what may make it another script.

Files are noted as they are opened: Python tells its audit hooks, readers in other languages are wrapped (`readers`),
the kernel tells of the folders that the script is in or names (`opened`), and what is mapped or open is in `/proc`.
Modules count when they are imported (`sought`), folders when they are listed, names that are looked for whether they
are there or not (`looks`), variables of the environment when the user's own code reads them (`variables`). What cannot
be seen is said, so that such a script runs again: another process, a connection, a file that the script writes as well.
Left out is the clock, by which most scripts measure themselves.

What counts says `scope`. What is read after the first call of the last model is not a model's; what a model reads
while it is called the first time is a part of it, which its weights and its code do not tell.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import threading
import types
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from benchlib.discovery import audited, held, looks, mentioned, readers, variables
from benchlib.discovery.dependencies import Stamp, names_in, stamp_of
from benchlib.discovery.first_calls import FirstCalls
from benchlib.discovery.journal import Read
from benchlib.discovery.looks import Look
from benchlib.discovery.opened import Opened
from benchlib.discovery.scope import Scope
from benchlib.discovery.sought import Sought, files_of, places_of

_PROCESSES = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "os.exec")
_LISTS = ("os.listdir", "os.scandir")
_OPENS = ("sqlite3.connect", "ctypes.dlopen")  # besides `open`: readers that tell of themselves
_NATIVE = re.compile(r"\.so(\.\d+)*$")  # code that no walk of a model sees
_ALL = "*"  # stands among the variables for the names of all of them
_BATCH = 256  # files that Python opens between two looks at what else was opened


class Reads:
    """What one process reads. `start` begins to watch, `mark` says that a model is called for the first time and
    `end_call` that it was, `told` is what counts."""

    def __init__(self, script: str, args: Sequence[str], apart: Sequence[str]):
        """`apart`: folders that are ours, which the script knows nothing of."""
        self._scope = Scope(script, apart)
        self._named = [script, os.getcwd(), os.path.dirname(script), *(a.rpartition("=")[2] for a in args)]
        self._opened_elsewhere = Opened(self._scope.has)
        self._initial = dict(os.environ)
        self._files: dict[str, Stamp] = {}  # as they were when they were opened
        self._looked_for: dict[str, bool] = {}
        self._folders: dict[str, str] = {}
        self._variables: dict[str, None] = {}
        self._looks: dict[tuple[str, str], Look] = {}  # by path and aspect
        self._unseen: dict[str, None] = {}
        self._written: set[str] = set()
        self._held: set[str] = set()
        self._marked: tuple[int, ...] = ()  # how much of each was noted when a model was last called the first time
        self._modules: list[str] = []  # those that were imported by then
        self._first_calls = FirstCalls(self._scope.name)
        self._busy, self._pid, self._stat, self._heard = threading.local(), os.getpid(), os.stat, 0

    @property
    def after(self) -> dict[str, Callable[[Any], None]]:
        """What is to be called with modules once they are imported, by their names."""
        return readers.after_import(lambda path: self._guarded(self._read_natively, path))

    def start(self) -> None:
        self._guarded(self._watch_folders)
        sys.addaudithook(self._hear)
        variables.hear_environment(
            lambda name: self._guarded(self._note_variable, name), lambda: self._guarded(self._note_variables)
        )
        looks.hear_looks(lambda what, path, there: self._guarded(self._look_at, what, path, there))
        looks.hear_host(lambda: self._guarded(self._note_host))
        mentioned.hear_paths(
            self._scope.is_file_of_user, lambda path: self._guarded(self._opened_elsewhere.watch, path)
        )
        sys.meta_path.insert(0, Sought(lambda name, path: self._guarded(self._seek, name, path)))

    def mark(self) -> None:
        """A model is called that was not called before: all that was read until now counts."""
        self._guarded(self._note_opened)
        if not self._modules:
            self._guarded(self._note_held)
        self._count()
        self._first_calls.begin()

    def end_call(self) -> None:
        """The first call of a model has ended: what was read meanwhile counts too, and is the model's."""
        self._guarded(self._note_opened)
        self._count()
        self._first_calls.end()

    def _count(self) -> None:
        self._marked, self._modules = tuple(map(len, self._all())), list(sys.modules)

    def told(self) -> Read:
        """What counts of all that was read; where no model was called, everything."""
        if not self._modules:
            self.mark()
        counted = zip(self._all(), self._marked, strict=True)
        files, looked_for, folders, asked, told, unseen = (dict(list(dict(noted).items())[:n]) for noted, n in counted)
        self._guarded(self._note_held)
        files |= {path: stamp for path, stamp in self._files.items() if path in self._held}
        files |= self._imported()
        written = [f"reads and writes {path}" for path, stamp in files.items() if self._is_written(path, stamp)]
        return Read(
            files=files,
            looked_for={path: there for path, there in looked_for.items() if path not in files},
            folders=folders,
            environment={name: self._initial.get(name) for name in asked if name != _ALL},
            variables=variables.names_of(self._initial) if _ALL in asked else "",
            looks=list(told.values()),
            unseen=[*unseen, *written],
            files_in_calls=[path for path in files if path in self._first_calls.files or _NATIVE.search(path)],
            variables_in_calls=[name for name in self._first_calls.variables if name in asked],
            looks_in_calls=list(self._first_calls.looks),
        )

    # -- what is noted -------------------------------------------------------------------------------------------------

    def _all(self) -> tuple[dict[Any, Any], ...]:
        return self._files, self._looked_for, self._folders, self._variables, self._looks, self._unseen

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._guarded(self._opened, *arguments)
        elif event in _LISTS:
            self._guarded(self._listed, event, arguments[0])
        elif event in _OPENS:
            self._guarded(self._read, audited.path_of(arguments[0]))
        elif event == "exec":
            self._guarded(self._note_code, arguments[0])
        elif event in _PROCESSES:
            self._guarded(self._say_unseen, "starts another process")
        elif event == "socket.connect":
            self._guarded(self._say_unseen, "connects to a socket")
        elif event == "socket.gethostname":
            self._guarded(self._note_host)

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
        reads, writes = audited.ways_of(mode, flags)
        if writes and (name := self._scope.name(path)):
            self._written.add(name)
        if reads:
            self._read(path)
        self._heard += 1
        if self._heard % _BATCH == 0:
            self._note_opened()

    def _read(self, path: Any) -> None:
        name = self._scope.name(path)
        if not name:
            return
        self._first_calls.note_file(name)
        if name in self._files:
            return
        try:
            found = self._stat(name)
        except OSError:
            self._looked_for.setdefault(name, False)
            return
        if stat.S_ISREG(found.st_mode) and not self._scope.is_scratch(name, found.st_ctime_ns):
            self._files[name] = stamp_of(found)
            self._opened_elsewhere.watch(name)

    def _listed(self, event: str, path: Any) -> None:
        name = self._scope.name(os.curdir if path is None else path)
        if not name:
            return
        if event == "os.scandir" and self._scope.between() == []:  # which tells of sizes and times at no further call
            self._note_look(name, "entries")
        if self._scope.is_users_own():
            self._first_calls.note_look(name, "names", names_in(name))
        if name in self._folders or not self._scope.is_users():
            return
        self._opened_elsewhere.watch(name)
        if os.path.isdir(name):
            self._folders[name] = names_in(name)
        else:
            self._looked_for.setdefault(name, False)

    def _look_at(self, what: str, path: Any, there: bool) -> None:
        name = self._scope.name(path)
        if not name:
            return
        if what == "stat" and name not in self._looked_for and self._scope.is_users():
            self._looked_for[name] = there
            self._opened_elsewhere.watch(name)
        between = self._scope.between()
        if between is not None:
            self._first_calls.note_look(name, what, str(there))
            aspect = {"stat": looks.aspect_of(between), "access": "access"}.get(what, "link")
            if aspect and not (there and self._scope.is_made_here(name)):
                self._note_look(name, aspect)

    def _note_look(self, path: str, aspect: str) -> None:
        if (path, aspect) not in self._looks:
            self._looks[path, aspect] = Look(path, aspect, looks.told_of(path, aspect))
        self._first_calls.note_look(path, aspect, self._looks[path, aspect].told)

    def _seek(self, module: str, path: Sequence[str] | None) -> None:
        if self._scope.is_users_own(imports=True):
            for place, there in places_of(module, path):
                if name := self._scope.name(place, False):
                    self._looked_for.setdefault(name, there)

    def _note_host(self) -> None:
        if self._scope.is_users_own():
            self._note_look(looks.HOST, "host")

    def _say_unseen(self, what: str) -> None:
        if self._scope.is_users():
            self._unseen.setdefault(what)

    def _note_held(self) -> None:
        """What is mapped or open now: readers that are not wrapped may keep it so."""
        for path in held.files():
            if name := self._scope.name(path, False):
                self._read(name)
                self._held.add(name)

    def _read_natively(self, path: Any) -> None:
        for file in readers.files_of(path):
            if os.path.isdir(file):
                self._listed("", file)
            else:
                self._read(file)

    # -- what the kernel tells -----------------------------------------------------------------------------------------

    def _watch_folders(self) -> None:
        try:
            self._opened_elsewhere.start()
            for path in self._named:
                self._opened_elsewhere.watch(path)
        except OSError:
            self._unseen.setdefault("reads what could not be watched")

    def _note_opened(self) -> None:
        try:
            for path in self._opened_elsewhere.read():
                self._read(path)
        except OSError:
            self._unseen.setdefault("reads what could not be watched")

    def _note_code(self, code: Any) -> None:
        if isinstance(code, types.CodeType) and self._scope.is_file_of_user(code.co_filename):
            for path in mentioned.paths_in(code):
                self._opened_elsewhere.watch(path)

    def _imported(self) -> dict[str, Stamp]:
        """The files of modules from outside the installed packages, imported before the last model was called."""
        found: dict[str, Stamp] = {}
        for name in files_of(self._modules, self._scope.name):
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

    # -- the environment -----------------------------------------------------------------------------------------------

    def _note_variable(self, name: Any) -> None:
        if not isinstance(name, str) or not variables.may_count(name):
            return
        imports = variables.counts_at_import(name)
        if self._scope.is_users(imports) if variables.counts_for_all(name) else self._scope.is_users_own():
            self._first_calls.note_variable(name)
            if name in self._variables:
                return
            self._variables[name] = None
            if value := self._initial.get(name):
                self._opened_elsewhere.watch(value)

    def _note_variables(self) -> None:
        if _ALL not in self._variables and self._scope.is_users():
            self._variables[_ALL] = None
