"""A model script: any Python file that makes and calls a model.

    path/net.py              its model, when it calls one
    path/net.py::479b1332    the one with this hash, as `benchlib discover path/net.py` shows them
    path/net.py::479b1332,215ca1e3    two of them, which a plan opens to a trial each

The script is run under the profiler of `benchlib.discovery`, in a process of its own and in the current folder, as
`python path/net.py` would, and ends when the model is called: what it is called with are the inputs of the trial.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchlib import label_line
from benchlib.discovery import Discovery, Found, NotCalled, discover, take
from benchlib.errors import Unavailable, UserError
from benchlib.models import LoadedModel, _module, _script_arguments, parse, python
from benchlib.registry import Source

_NAME = re.compile(r"\.py(::\w+(,\w+)*)?$")
_NO_MODULE = re.compile(r"(\S+): ModuleNotFoundError: No module named '(\w+)")
_NO_CUDA = ("Torch not compiled with CUDA enabled", "Found no NVIDIA driver", "No CUDA GPUs are available")


def is_script(model: str) -> bool:
    """Whether a trial's `model` names a script."""
    return bool(_NAME.search(model))


def path_of(model: str) -> Path:
    """The script that a trial's `model` names. Raises UserError where it is not there."""
    return Path(parse(model)[1].partition("::")[0])


def discovered(path: Path, trial: Any) -> Discovery:
    """What a script calls with what the trial tells it; once per content and plan."""
    args = tuple(_script_arguments.command_line(trial))
    return _discovered(path, Path.cwd(), tuple(_hashes(path)), args, trial.max_depth, trial.timeout)


def forget() -> None:
    """Lets a script that went wrong run again, whose code is the same but not what it met: before each plan."""
    _discovered.cache_clear()


def hashes(discovery: Discovery) -> Mapping[str, Found]:
    """What was found, by hash, in the order of the calls: equal models are one."""
    found: dict[str, Found] = {}
    for model in discovery.models:
        found.setdefault(model.hash, model)
    return found


def load(name: str, trial: Any) -> LoadedModel:
    """The model as the script makes and calls it. Raises UserError for a script that calls none, or several, and
    Unavailable for one that ends for the lack of something."""
    script, _, picked = name.partition("::")
    path, args = Path(script), _script_arguments.command_line(trial)
    picked = picked or _only(discovered(path, trial), path)
    with tempfile.TemporaryDirectory(prefix="benchlib-") as folder:
        try:
            take(path, args, trial.max_depth, picked, Path(folder), trial.timeout)
        except UserError as error:
            if missing := _lacking(str(error)):
                raise Unavailable(missing) from error
            if isinstance(error, NotCalled) and picked in hashes(discovered(path, trial)):
                raise UserError(
                    f"{path.name} is not repeatable: one run of it calls {picked}, another does not ({error})"
                ) from error
            raise
        sys.path.append(standins())
        return python.opened(Path(folder), path.name, trial)


def standins() -> str:
    """The folder of the packages that scripts may import although they are not installed."""
    return str(Path(__file__).parent.parent / "standins")


def identity(name: str, trial: Any) -> Any:
    """The script and the files beside it that it imports, by content, and the model that is asked for."""
    script, _, picked = name.partition("::")
    path = Path(script)
    return [path.name, picked, *_hashes(path)]


def own_dtype(name: str, trial: Any) -> str:
    """The dtype of the model that a script calls; float32 where it calls none, or several that differ."""
    if refuse(trial):
        return "float32"
    found, picked = hashes(discovered(path_of(trial.model), trial)), name.partition("::")[2]
    known = {model.dtype for hash, model in found.items() if picked in ("", hash)}
    return (known.pop() or "float32") if len(known) == 1 else "float32"


def refuse(trial: Any) -> str | None:
    if trial.with_loss:
        return "with_loss: a script's model has the inputs that the script calls it with; give labels among them"
    if trial.attn_implementation:
        return "attn_implementation: a script chooses it itself"
    path = path_of(trial.model)
    return label_line.unreadable(path) or _module.no_shapes(trial) or _script_arguments.not_taken(path, trial)


def lacks(discovery: Discovery) -> str | None:
    """What this machine lacks for a script that ended for the lack of it before it called a model."""
    return None if discovery.models else _lacking(discovery.ended)


def _lacking(ended: str) -> str | None:
    """What a script missed that ended so."""
    module = _NO_MODULE.search(ended)
    if module and find_spec(module[2]) is None:
        return f"{module[1]} needs the package {module[2]}, which is not installed"
    return f"a CUDA device is asked for: {ended}" if any(said in ended for said in _NO_CUDA) else None


def _only(discovery: Discovery, path: Path) -> str:
    found = hashes(discovery)
    if len(found) == 1:
        return next(iter(found))
    if missing := lacks(discovery):
        raise Unavailable(missing)
    if not found:
        raise UserError(f"{path.name} calls no model{f': {discovery.ended}' if discovery.ended else ''}")
    named = ", ".join(f"{path.name}::{hash} ({model.name})" for hash, model in found.items())
    raise UserError(f"{path.name} calls {len(found)} models; name one: {named}")


@lru_cache(maxsize=256)
def _discovered(
    path: Path, folder: Path, content: tuple[str, ...], args: tuple[str, ...], max_depth: int, timeout: float
) -> Discovery:
    return discover(path, args, max_depth, timeout)


def _hashes(path: Path) -> list[str]:
    """Of the script and of the files beside it that it imports."""
    return [hashlib.sha256(f.read_bytes()).hexdigest()[:16] for f in _script_arguments.with_neighbours(path)]


source = Source(
    name="script",
    summary="a Python file that makes and calls a model",
    load=load,
    identity=identity,
    packages=("torch",),
    shapes={name: None for name in _script_arguments.PARAMETERS if name != "batch_size"},
    refuse=refuse,
    own_dtype=own_dtype,
)
