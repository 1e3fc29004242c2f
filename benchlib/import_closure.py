"""Which files a module depends on: its import closure, found by reading. Nothing is imported.

Followed are the modules of some packages only, as versions speak for all others. What a file imports anywhere counts,
inside functions too, but not what it imports for type checkers alone. So does what it names in a string, as whatever
is started as a process is: a module by its dotted name ("benchlib.worker.details"), a file beside it ("server.py").
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchlib import artifacts
from benchlib.errors import UserError
from benchlib.files import write_text

KEPT = "parsed.json"  # the same in the cache
HANDED_OVER = "BENCHLIB_PARSED"  # a file of what the driver knows of the library's texts, in a kernel's environment
# The text of a syntax tree where a string is the dotted name of a module, or the name of a file.
_STRING = re.compile(r"Constant\(value='([A-Za-z_]\w*(?:\.\w+)+)'")


@dataclass(frozen=True)
class Packages:
    """Whose modules belong to a closure: those of packages, and those in the folder of a user's file."""

    roots: tuple[tuple[str, Path], ...]  # a top-level package, and the folder that holds it
    beside: Path | None = None

    def root_of(self, top: str) -> Path | None:
        """The folder in which the top-level module or package is; None where it is none of these."""
        if top in (named := dict(self.roots)):
            return named[top]
        if self.beside and top == self.beside.name:
            return self.beside.parent
        if self.beside and (_file(self.beside / top) or (self.beside / top).is_dir()):
            return self.beside
        return None

    def parts_of(self, file: Path) -> tuple[str, ...]:
        """The file's place in its package, from the top-level name on: ("benchlib", "worker", "verbs.py")."""
        for top, root in self.roots:
            if file.is_relative_to(root / top) or file == root / f"{top}.py":
                return file.relative_to(root).parts
        return file.relative_to(self.beside).parts if self.beside and file.is_relative_to(self.beside) else (file.name,)


@dataclass(frozen=True)
class _Parsed:
    """What is needed of a file's text."""

    digest: str  # of the syntax tree without comments and docstrings
    imports: frozenset[tuple[int, str]]  # dotted names, with the number of dots before a relative one
    strings: frozenset[str]  # those that may name a module or a file


class ImportGraph:
    """The files of some packages as they are when they are first looked at, and what each of them needs."""

    def __init__(self, packages: Packages):
        self.packages = packages
        self._parsed: dict[Path, _Parsed] = {}
        self._needed: dict[Path, frozenset[Path]] = {}
        self._modules: dict[str, Path | None] = {}

    def closure(self, start: Path, without: frozenset[Path] = frozenset()) -> frozenset[Path]:
        """The file `start`, and all that it needs at any depth; `without` are files that do not count, nor what only
        they need. Raises OSError and SyntaxError for a file that cannot be read."""
        found: set[Path] = set()
        waiting = [start]
        while waiting:
            file = waiting.pop()
            if file not in found:
                found.add(file)
                waiting += self._needs(file) - without
        return frozenset(found)

    def digest(self, file: Path) -> str:
        """A hash of the file's syntax tree without comments and docstrings."""
        return self._parse(file).digest

    def module(self, dotted: str) -> Path | None:
        """The file of a module or a package; None where it is no module of these packages."""
        if dotted not in self._modules:
            top, *rest = dotted.split(".")
            root = self.packages.root_of(top)
            self._modules[dotted] = _file(root.joinpath(top, *rest)) if root else None
        return self._modules[dotted]

    def _parse(self, file: Path) -> _Parsed:
        if file not in self._parsed:
            self._parsed[file] = _parsed(file.read_bytes())
        return self._parsed[file]

    def _needs(self, file: Path) -> frozenset[Path]:
        if file not in self._needed:
            parsed = self._parse(file)
            package = self.packages.parts_of(file)[:-1]
            found = [f for level, name in parsed.imports for f in self._on_the_way(_absolute(level, name, package))]
            for text in parsed.strings:
                if module := self.module(text):
                    found += [*self._on_the_way(text), *self._started(module)]
                elif text.endswith(".py") and (other := file.with_name(text)).is_file():
                    found.append(other)
            self._needed[file] = frozenset(found)
        return self._needed[file]

    def _on_the_way(self, dotted: str) -> Iterator[Path]:
        """The files of a module and of the packages in which it is; of what is no module, those of its packages."""
        parts = dotted.split(".")
        for length in range(1, len(parts) + 1):
            if file := self.module(".".join(parts[:length])):
                yield file

    @staticmethod
    def _started(module: Path) -> Iterator[Path]:
        """What `python -m` runs of a package."""
        main = module.with_name("__main__.py")
        if module.name == "__init__.py" and main.is_file():
            yield main


def _file(place: Path) -> Path | None:
    files = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((file for file in files if file.is_file()), None)


def _absolute(level: int, name: str, package: tuple[str, ...]) -> str:
    """The dotted name that a relative import of a module in `package` means."""
    above = package[: len(package) - level + 1] if level else ()
    return ".".join([*above, *filter(None, [name])])


# What texts were found to hold, by their hash: pure knowledge, which no edit of a file makes wrong.
_known: dict[str, _Parsed] = {}
_new: set[str] = set()  # those of them that this process found out


def hand_over(file: Path) -> None:
    """Writes what this process knows of texts into `file`, for a process with HANDED_OVER in its environment."""
    known = {key: [text.digest, sorted(text.imports), sorted(text.strings)] for key, text in _known.items()}
    write_text(file, json.dumps(known))


def keep() -> None:
    """Keeps it in the cache for later processes, where this one has parsed a text that they do not know."""
    if _new:
        with suppress(OSError, UserError):  # without a cache they parse again
            hand_over(artifacts.root() / KEPT)
        _new.clear()


@cache
def _take_over() -> None:
    """Reads, once, what another process handed over. Parsing the library takes a kernel a tenth of a trial's time."""
    with suppress(OSError, ValueError):
        file = Path(os.environ.get(HANDED_OVER) or artifacts.root(make=False) / KEPT)
        for key, (digest, imports, strings) in json.loads(file.read_bytes()).items():
            _known[key] = _Parsed(digest, frozenset((level, name) for level, name in imports), frozenset(strings))


def _parsed(source: bytes) -> _Parsed:
    _take_over()
    key = hashlib.sha256(source).hexdigest()
    if key not in _known:
        _known[key] = _parse_text(source)
        _new.add(key)
    return _known[key]


def _parse_text(source: bytes) -> _Parsed:
    tree = ast.parse(source)
    imports = set()
    for node in _statements(tree):
        _drop_docstring(node)
        if isinstance(node, ast.Import):
            imports |= {(0, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = [node.module] if node.module else []
            imports |= {(node.level, ".".join([*module, alias.name])) for alias in node.names}
    text = ast.dump(tree)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return _Parsed(digest, frozenset(imports), frozenset(_STRING.findall(text)))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """A module and the statements in it, each before those inside it, without what is for type checkers alone."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        parts: tuple[str, ...] = ("body", "orelse", "finalbody", "handlers", "cases")
        if isinstance(node, ast.If) and ast.unparse(node.test).removeprefix("typing.") == "TYPE_CHECKING":
            parts = ("orelse",)
        for part in parts:
            waiting += getattr(node, part, ())


def _drop_docstring(node: ast.AST) -> None:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or not node.body:
        return
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:]
