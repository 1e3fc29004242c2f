"""What a trial tells a model script on its command line, and what the script says it takes.

A standard parameter can be given in three places: the trial's own (`batch_size: 8`), `model_args`, and `script_args`
(`--batch_size 8`). They mean the same; where two differ the trial is refused. One that has its default counts as not
given, so that scripts without a command line run too.
"""

from __future__ import annotations

import ast
import contextlib
import shlex
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchlib.errors import UserError
from benchlib.parser import STANDARD
from benchlib.registry import Parameters
from benchlib.remembered import remembered

_OTHER_NAMES = {"max_seq_length": "seq_length"}  # the script's name -> the trial's
PARAMETERS = {_OTHER_NAMES.get(option, option): option for option in STANDARD}  # the trial's name -> the script's
_NOT_GIVEN = {"batch_size": (None, 1)}
_PARSERS = ("benchlib.parser", "mlagility.parser")


def agreed(values: Parameters) -> Parameters:
    """The standard parameters of a trial as its three places give them. Raises ValueError where two differ."""
    found: dict[str, Any] = {}
    for place, options in _said(values).items():
        for option, value in options.items():
            parameter = _OTHER_NAMES.get(option, option)
            own = values.get(parameter)
            if own in _NOT_GIVEN.get(parameter, (None,)):
                own = found.get(parameter, value)
            if own != value:
                raise ValueError(f"{place}: {option} is {value} there, and {parameter} is {own}")
            found[parameter] = value
    return found


def command_line(trial: Any) -> list[str]:
    """The words after `python script.py`."""
    words = words_of(trial.script_args)
    there = _options(words)
    given = {option: getattr(trial, name) for name, option in PARAMETERS.items() if _given(trial, name)}
    args = {n: _typed("model_args", n, v) if n in STANDARD else v for n, v in trial.model_args.items()}
    for name, value in {**given, **args}.items():
        if name in there:
            if name not in STANDARD and there[name] != str(value):
                raise UserError(f"script_args: {name} is {there[name]} there, and {value} in model_args")
        elif value is True:
            words.append(f"--{name}")
        elif value is not False and value is not None:
            words += [f"--{name}", str(value)]
    return words


def not_taken(script: Path, trial: Any) -> str | None:
    """Why a parameter of the trial does not reach the script, read from its code; None where all do."""
    asked = [option for name, option in PARAMETERS.items() if _given(trial, name)]
    takes = options_of(script)
    missing = [option for option in asked if takes is not None and option not in takes]
    if not missing:
        return None
    if not takes:
        return f"{script.name} reads no command line, so {missing[0]} does not reach it (see benchlib.parser.parse)"
    return f"{script.name} takes no {missing[0]}; it takes {', '.join(takes)}"


@remembered
def options_of(script: Path) -> list[str] | None:
    """The names that a script and the files beside it give to `parse`; None where it may take others as well."""
    found: list[str] = []
    for file in with_neighbours(script):
        code = _code(file.read_bytes())
        if code is None or code.takes is None:
            return None
        found += code.takes
    return list(dict.fromkeys(found))


def with_neighbours(script: Path) -> list[Path]:
    """A script and the modules beside it that it imports, at any depth, by what their code says."""
    found: dict[Path, None] = {}
    waiting = deque([script])
    while waiting:
        file = waiting.popleft()
        if file in found:
            continue
        found[file] = None
        with contextlib.suppress(OSError):
            code = _code(file.read_bytes())
            waiting += [f for name in (code.imports if code else ()) for f in _files(name, file, script.parent)]
    return list(found)


@dataclass(frozen=True)
class _Code:
    imports: tuple[str, ...]  # dotted names
    takes: tuple[str, ...] | None  # the names given to `parse`; None where the file may read others as well


@lru_cache(maxsize=2048)  # a plan asks several times for each trial, and a script may stand beside a large package
def _code(text: bytes) -> _Code | None:
    """What a file says; None of what is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    names = tuple(dict.fromkeys(imported(tree)))
    return _Code(names, _taken(tree, names))


def _taken(tree: ast.AST, names: Sequence[str]) -> tuple[str, ...] | None:
    if not set(names).isdisjoint(("argparse", "sys", "click", "typer", "fire", "optparse", "absl")):
        return None
    called = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in _PARSERS
        for alias in node.names
    }
    if not called and any(name in _PARSERS for name in names):
        return None
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in called:
            try:
                found += map(str, ast.literal_eval(node.args[0]))
            except (ValueError, IndexError, TypeError):
                return None
    return tuple(found)


def _files(name: str, importer: Path, folder: Path) -> list[Path]:
    """What runs when `importer` imports a name: the module and the packages that it is in, where they lie in `folder`,
    or for a name with leading dots in the importer's own package."""
    bare = name.lstrip(".")
    level = len(name) - len(bare)
    if level > len(importer.parents):  # Python says so when it runs the file
        return []
    place, found = importer.parents[level - 1] if level else folder, []
    for part in bare.split("."):
        place = place / part
        found += [f for f in (place.with_suffix(".py"), place / "__init__.py") if f.is_file()]
    return found


def imported(tree: ast.AST) -> list[str]:
    """The dotted names that a file imports, those of what stands in a package among them; relative ones with their
    dots."""
    names = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            dots, module = "." * node.level, node.module or ""
            names += [dots + module] if module else []
            names += [f"{dots}{module}{'.' * bool(module)}{a.name}" for a in node.names if a.name != "*"]
    return names


def _given(trial: Any, name: str) -> bool:
    return getattr(trial, name) not in _NOT_GIVEN.get(name, (None,))


def _said(values: Parameters) -> Mapping[str, Parameters]:
    """The standard parameters in `script_args` and `model_args`, each with its own type."""
    args = values.get("model_args")
    places = {
        "script_args": _options(words_of(str(values.get("script_args") or ""))),
        "model_args": args if isinstance(args, Mapping) else {},
    }
    return {
        place: {name: _typed(place, name, value) for name, value in options.items() if name in STANDARD}
        for place, options in places.items()
    }


def _typed(place: str, name: str, value: Any) -> Any:
    kind = type(STANDARD[name])
    try:
        typed = kind(value)
        if not isinstance(value, bool) and typed == float(value):  # 2.7 is no 2, nor is nan a number
            return typed
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{place}: {name}: {value!r} is not {'a whole number' if kind is int else 'a number'}")


def words_of(text: str) -> list[str]:
    """The words of `script_args`. Raises ValueError where a quotation has no end."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"script_args: {text!r} cannot be read: {str(error).lower()}") from error


def _options(words: list[str]) -> dict[str, str]:
    """`--name value` and `--name=value`; an option without a value has the text "True". Raises ValueError where one
    stands twice with different values."""
    found: dict[str, str] = {}
    for word, following in zip(words, [*words[1:], "--"], strict=False):
        if not word.startswith("--") or word == "--":
            continue
        name, equals, value = word[2:].partition("=")
        value = value if equals else "True" if following.startswith("--") else following
        if found.setdefault(name, value) != value:
            raise ValueError(f"script_args: {name} is {found[name]} and {value}")
    return found
