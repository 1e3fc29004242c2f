"""A model script: any Python file that makes and calls a model.

    path/net.py              its model, when it calls one
    path/net.py::479b1332    the one with this hash, as `benchlib discover path/net.py` shows them
    path/net.py::encoder     the ones that the script calls by this name
    path/net.py::479b1332,encoder     several of both, which a plan opens to a trial each

A hash is that of all that is saved of a model (`benchlib.models._content`). A plan gives each trial the hash of its
model, and what is loaded has that hash or the trial fails: the script made another model meanwhile.
The script is run under the profiler of `benchlib.discovery`, in a process of its own and in the current folder, as
`python path/net.py` would, and ends when the model is called: what it is called with are the inputs of the trial.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchlib import label_line
from benchlib.discovery import Discovery, Found, NotCalled, discover, no_such_model, take
from benchlib.errors import Unavailable, UserError
from benchlib.files import digest_of
from benchlib.models import LoadedModel, _file_kinds, _refusals, _script_arguments, parse, python
from benchlib.registry import Source
from benchlib.remembered import remembered

_NAME = re.compile(r"\.py(::[\w.\[\]]+(,[\w.\[\]]+)*)?$")
_HASH = re.compile("[0-9a-f]{8}")
_NO_MODULE = re.compile(r"(\S+): ModuleNotFoundError: No module named '(\w+)")
_NO_CUDA = ("Torch not compiled with CUDA enabled", "Found no NVIDIA driver", "No CUDA GPUs are available")


def is_script(model: str) -> bool:
    """Whether a trial's `model` names a script."""
    return bool(_NAME.search(model))


def path_of(model: str) -> Path:
    """The script that a trial's `model` names. Raises UserError where it is not there."""
    return _path(parse(model)[1])


@remembered  # a plan asks several times for each trial
def _path(name: str) -> Path:
    return Path(name.partition("::")[0])


def discovered(path: Path, trial: Any) -> Discovery:
    """What a script calls with what the trial tells it; looked at once per plan."""
    args = tuple(_script_arguments.command_line(trial))
    return _discovered(path, os.getcwd(), args, trial.max_depth, trial.timeout)


def hashes(discovery: Discovery) -> Mapping[str, Found]:
    """What was found, by hash, in the order of the calls: equal models are one."""
    found: dict[str, Found] = {}
    for model in discovery.models:
        found.setdefault(model.hash, model)
    return found


def picked(trial: Any) -> list[str]:
    """The hashes of the models that a trial stands for: all that its script calls, those of a name, or one.

    Raises:
        UserError: the script was run to its end and calls no such model.
    """
    path, wanted = path_of(trial.model), trial.model.partition("::")[2]
    found = discovered(path, trial)
    known = hashes(found)
    if not wanted or wanted in known:
        return [wanted] if wanted else list(known)
    if named := [model.hash for model in found.models if model.name == wanted]:
        return list(dict.fromkeys(named))
    if found.ended:  # its trial says so
        return [wanted]
    raise UserError(f"model '{trial.model}': {no_such_model(path, wanted, found.models)}")


def load(name: str, trial: Any) -> LoadedModel:
    """The model as the script makes and calls it. Raises UserError for a script that calls none, or several, and
    Unavailable for one that ends for the lack of something."""
    script, _, wanted = name.partition("::")
    path, args = Path(script), _script_arguments.command_line(trial)
    if not _HASH.fullmatch(wanted):
        wanted = _only(path, trial)
    with tempfile.TemporaryDirectory(prefix="benchlib-") as folder:
        try:
            take(path, args, trial.max_depth, wanted, Path(folder), trial.timeout)
        except UserError as error:
            if missing := _lacking(str(error)):
                raise Unavailable(missing) from error
            if isinstance(error, NotCalled) and wanted in hashes(discovered(path, trial)):
                raise UserError(
                    f"{path.name} is not repeatable: one run of it calls {wanted}, another does not ({error})"
                ) from error
            raise
        sys.path.append(standins())
        if differs := python.differs(Path(folder)):
            raise UserError(
                f"{path.name} calls a model that computes otherwise when it is opened again: {differs}. What a script "
                "sets outside of its model (os.environ, a default dtype, attributes of modules) does not come along"
            )
        return python.opened(Path(folder), path.name, trial)


def standins() -> str:
    """The folder of the packages that scripts may import although they are not installed."""
    return str(Path(__file__).parent.parent / "standins")


def identity(name: str, trial: Any) -> Any:
    """The script by name, and its model by hash, with what models read while they are called; of one that calls none,
    or several, the code that stands there."""
    script, _, wanted = name.partition("::")
    path = Path(script)
    refused = refuse(trial)
    in_calls = "" if refused or not path.is_file() else discovered(path_of(name), trial).in_calls
    read = [in_calls] if in_calls else []
    if _HASH.fullmatch(wanted):
        return [path.name, wanted, *read]
    found = [] if refused else picked(trial)
    return [path.name, *found, *read] if len(found) == 1 else [path.name, wanted, *_texts(path), *read]


def imports_from(trial: Any) -> list[str]:
    """The folder of a script, and that in which it is run."""
    return [str(path_of(trial.model).resolve().parent), os.getcwd()]


def own_dtype(name: str, trial: Any) -> str:
    """The dtype of the model that a script calls; float32 where it calls none, or several that differ."""
    if refuse(trial):
        return "float32"
    found = hashes(discovered(path_of(trial.model), trial))
    known = {found[hash].dtype for hash in picked(trial) if hash in found}
    return (known.pop() or "float32") if len(known) == 1 else "float32"


def refuse(trial: Any) -> str | None:
    if trial.with_loss:
        return "with_loss: a script's model has the inputs that the script calls it with; give labels among them"
    if trial.attn_implementation:
        return "attn_implementation: a script chooses it itself"
    path = path_of(trial.model)
    return _unreadable(path) or _refusals.no_shapes(trial) or _script_arguments.not_taken(path, trial)


def changed(trial: Any) -> str | None:
    """That the script makes another model now than it did for the plan; None where it makes the same, or misses
    something: its trial says so."""
    path, wanted = path_of(trial.model), trial.model.partition("::")[2]
    if not _HASH.fullmatch(wanted):
        return None
    found = discovered(path, trial)
    if wanted in hashes(found) or lacks(found):
        return None
    return f"the script made another model: {found.ended or no_such_model(path, wanted, found.models)}"


def lacks(discovery: Discovery) -> str | None:
    """What this machine lacks for a script that ended for the lack of it before it called a model."""
    return None if discovery.models else _lacking(discovery.ended)


def _lacking(ended: str) -> str | None:
    """What a script missed that ended so."""
    module = _NO_MODULE.search(ended)
    if module and find_spec(module[2]) is None:
        return f"{module[1]} needs the package {module[2]}, which is not installed"
    return f"a CUDA device is asked for: {ended}" if any(said in ended for said in _NO_CUDA) else None


def _only(path: Path, trial: Any) -> str:
    found, models = discovered(path, trial), picked(trial)
    if len(models) == 1:
        return models[0]
    if missing := lacks(found):
        raise Unavailable(missing)
    if not models:
        raise UserError(f"{path.name} calls no model{f': {found.ended}' if found.ended else ''}")
    named = ", ".join(f"{path.name}::{hash} ({hashes(found)[hash].name})" for hash in models)
    raise UserError(f"{path.name} calls {len(models)} models; name one: {named}")


@remembered  # a file may have changed by the next plan, or what a script met
def _discovered(path: Path, folder: str, args: tuple[str, ...], max_depth: int, timeout: float) -> Discovery:
    return discover(path, args, max_depth, timeout)


@remembered
def _unreadable(path: Path) -> str | None:
    return _file_kinds.no_python(path) or label_line.unreadable(path)


def _texts(path: Path) -> list[str]:
    """The digests of the script and of the files beside it that it imports."""
    return [digest_of(file) for file in _script_arguments.with_neighbours(path)]


source = Source(
    name="script",
    summary="a Python file that makes and calls a model",
    load=load,
    identity=identity,
    changed=changed,
    packages=("torch",),
    shapes={name: None for name in _script_arguments.PARAMETERS if name != "batch_size"},
    refuse=refuse,
    own_dtype=own_dtype,
    imports_from=imports_from,
)
