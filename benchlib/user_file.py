"""Plug-ins in a Python file of the user's own: `path/to/file.py:name`.

The driver reads the file as well as the workers, so heavy packages belong inside its functions. What it holds is an
`Exporter`, a `Pass` or a `Runtime` of `benchlib.registry` under that name or called so among what its `sequence()`
returns, or, for a runtime, a class (see `benchlib.runtimes._own`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from benchlib.errors import UserError, suggestion
from benchlib.registry import Exporter, Pass, Runtime


def names_one(name: str) -> bool:
    """Whether `name` addresses something in a file."""
    file, colon, attribute = name.rpartition(":")
    return bool(colon) and file.endswith(".py") and attribute.replace("-", "_").isidentifier()


def path_of(name: str) -> Path:
    """The file that `name` (`file.py:attribute`) addresses."""
    return Path(name.rpartition(":")[0]).expanduser().resolve()


def module(path: Path) -> ModuleType:
    """The file, executed once per content in this process. Raises UserError with what is wrong, and where."""
    try:
        code = path.read_bytes()
    except OSError as error:
        raise UserError(f"there is no file {path} ({error.strerror})") from error
    name = f"benchlib_file_{hashlib.sha256(str(path).encode() + code).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    try:
        spec.loader.exec_module(found)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        line = _line_in(path, error)
        raise UserError(f"{path}{line}: {type(error).__name__}: {error}") from error
    return found


def plugin(kind: str, name: str) -> Any:
    """The plug-in of a kind ("exporter", "pass_", "runtime") that `path.py:name` addresses. Raises UserError."""
    classes = {"exporter": Exporter, "pass_": Pass, "runtime": Runtime}
    wanted: Any = classes.get(kind)
    path, attribute = path_of(name), name.rpartition(":")[2]
    if wanted is None:
        raise UserError(f"a {kind} cannot stand in a file ({name})")
    file = module(path)
    named = [s for s in getattr(file, "sequence", list)() if isinstance(s, wanted) and s.name == attribute]
    found = named[0] if named else getattr(file, attribute, None)
    if isinstance(found, wanted):
        return found
    if kind == "runtime" and isinstance(found, type):
        from benchlib.runtimes import _own  # numpy and the room of the runtimes, for those few who name a class

        return _own.runtime_of(name, found)
    if found is None:
        near = suggestion(attribute, [n for n in vars(file) if not n.startswith("_")])
        raise UserError(f"{path} has no '{attribute}'{near}")
    raise UserError(f"{name} is a {type(found).__name__}, no {wanted.__name__} of benchlib.registry")


def sequence(path: str) -> dict[str, str]:
    """The exporter and the passes that a file's `sequence()` names, as a trial's parameters `exporter` and
    `opt_patterns`. Raises UserError.

    `sequence()` returns a list: first an exporter, then passes; each the name of one that is registered (a pass with
    rules taken out, `ort-GeluFusion`, too), or an `Exporter` or a `Pass` of the file's own.
    """
    file = module(Path(path).expanduser().resolve())
    if not callable(getattr(file, "sequence", None)):
        raise UserError(f"sequence: {path} has no function sequence()")
    try:
        stages = list(file.sequence())
    except Exception as error:
        raise UserError(f"sequence: {path}{_line_in(Path(path).resolve(), error)}: {error}") from error
    for number, stage in enumerate(stages):
        wanted = (str, Pass) if number else (str, Exporter)
        if not isinstance(stage, wanted):
            kind = "a pass" if number else "an exporter"
            raise UserError(f"sequence: {path}: stage {number + 1} is a {type(stage).__name__}, not {kind} or its name")
    if not stages:
        raise UserError(f"sequence: {path}: sequence() names no exporter")
    names = [stage if isinstance(stage, str) else f"{path}:{stage.name}" for stage in stages]
    return {"exporter": names[0], "opt_patterns": "+".join(names[1:])}


def _line_in(path: Path, error: BaseException) -> str:
    """`:12`, the last line of the file that the error went through."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f":{error.lineno}"
    line, trace = None, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f":{line}" if line else ""
