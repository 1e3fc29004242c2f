"""A module, or a transformers configuration, given from Python: stored once, opened by every worker.

    name = store(module, inputs, cache)        # "python:Net-1f0c9a3b", good as a trial's `model`

    <cache>/python/<Class>-<hash8>/   model.pt (see `_saved`), inputs.npz, meta.json

The name covers all that is saved (`_content`): the same object has the same name in every session, an edited one
another. The folders from which its helper modules are imported are recorded
and put on the import path before the module is opened.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchlib import artifacts, tensors
from benchlib.errors import UnknownName, UserError
from benchlib.models import (
    LoadedModel,
    _as_called,
    _axes,
    _code,
    _configs,
    _given,
    _items,
    _modalities,
    _module,
    _refusals,
    _saved,
    call,
    parse,
)
from benchlib.models._facts import class_name
from benchlib.models._saved import META, StoredModule
from benchlib.registry import SIZES, Source
from benchlib.tensors import Inputs

FOLDER = "python"
LENGTH = 128  # of text for a configuration given without inputs


def store(module: Any, inputs: Any = None, cache: Path | None = None) -> str:
    """Saves `module` with its example inputs and returns its name for `model`.

    `inputs`: a tensor, a tuple or list of them (by position), or a dict (by keyword), nested as forward takes
    them. A transformers configuration stands for a model of its class with random weights, and needs no
    inputs where it says itself what the model reads. Raises UserError.
    """
    weights = "as given"
    if isinstance(module, type):
        raise UserError(f"{module.__name__} is a class, not a model: give {module.__name__}(…)")
    if hasattr(module, "model_type") and hasattr(module, "to_dict"):
        module, inputs, weights = _from_configuration(module, inputs)
    if not hasattr(module, "forward"):
        raise UserError(
            f"a {type(module).__name__} is no model: give a torch.nn.Module or a transformers configuration"
        )
    if inputs is None:
        raise UserError(f"{class_name(module)} needs inputs=: a tensor, a tuple of tensors or a dict by name")
    if any(t.is_meta for t in (*module.parameters(), *module.buffers())):
        raise UserError(f"{class_name(module)} has tensors without data (on the meta device): load its weights first")
    named, positional = bound(module, inputs)
    inner, _ = _given.unwrapped(module)
    kinds = list(dict.fromkeys(k for part in inner.modules() for k in type(part).__mro__))
    if edited := _code.edited_since_import(kinds):
        raise UserError(f"{edited} was edited since it was imported: restart the kernel, or reload it and make it anew")
    content, told = _given.content_of(module, named, positional), []
    digest, paths = content.digest, _import_paths(kinds)
    if content.asks or content.hides:  # nobody watches what it reads here, so that nothing of it may be found again
        digest = hashlib.sha256(f"{digest} {uuid.uuid4()}".encode()).hexdigest()
        told = ["it may read files or variables that nobody watches here: no earlier record or export of it is reused"]
    name, origin = f"{class_name(inner)}-{digest[:8]}", _given.Origin(weights, paths, told)
    _write(folder(cache) / name, paths, lambda into: _given.save(into, module, named, positional, origin))
    return f"python:{name}"


def imports_from(trial: Any) -> list[str]:
    """The folders from which the classes of a stored module are imported."""
    place = folder() / parse(trial.model)[1] / META
    return StoredModule.read(place).paths if place.is_file() else []


def folder(cache: Path | None = None) -> Path:
    """Where stored modules lie: in the cache's folder."""
    return (artifacts.claim(Path(cache)) if cache else artifacts.root()) / FOLDER


def bound(module: Any, inputs: Any) -> tuple[Inputs, list[str]]:
    """Inputs by the names of forward's parameters, and those of them that are passed by position."""
    if isinstance(inputs, Mapping):
        return dict(inputs), []
    given = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    parameters = list(inspect.signature(module.forward).parameters.values())
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    names = [p.name for p in by_position[: len(given)]]
    if len(given) > len(names) and rest is None:
        raise UserError(f"{class_name(module)}.forward takes {len(names)} inputs by position, {len(given)} were given")
    names += [f"{rest}_{i}" for i in range(len(given) - len(names))]
    return dict(zip(names, given, strict=True)), names


def batch_of(inputs: Any) -> int:
    """How many items inputs hold, as `_items` counts them; 1 where they do not say."""
    named = dict(inputs) if isinstance(inputs, Mapping) else {"": inputs}
    return _items.items(named, _axes.shared(named)) or 1


def load(name: str, trial: Any) -> LoadedModel:
    """The stored module with its stored inputs."""
    place = folder() / name
    if not (place / META).is_file():
        known = [p.name for p in folder().glob("*") if p.is_dir()]
        raise UnknownName("stored module", name, known)
    return opened(place, name, trial)


def opened(place: Path, called: str, trial: Any) -> LoadedModel:
    """What a folder of model.pt, inputs.npz and meta.json holds, for a trial."""
    meta = StoredModule.read(place / META)
    sys.path.extend(p for p in meta.paths if p not in sys.path)
    flat, structure = tensors.load(place / "inputs.npz")
    if trial.batch_size != 1:
        check_batch(called, flat, trial.batch_size)
    module = _saved.open_saved(place / "model.pt")  # before the inputs: it brings the classes of a script
    return _module.given(module, tensors.as_given(structure, flat), trial, meta)


def differs(place: Path) -> str:
    """How a stored module, as it was given, answers otherwise than where it was called; "" where it does not or nobody
    knows (`_as_called`)."""
    meta = StoredModule.read(place / META)
    sys.path.extend(p for p in meta.paths if p not in sys.path)

    def answer() -> Any:
        module = _saved.open_saved(place / "model.pt")
        flat, structure = tensors.load(place / "inputs.npz")
        return call(module, tensors.as_given(structure, flat), tuple(meta.positional))

    return _as_called.difference(place, answer)


def own_dtype(name: str, trial: Any) -> str:
    """The dtype in which a stored module was given."""
    meta = folder() / name / META
    return (meta.is_file() and StoredModule.read(meta).dtype) or "float32"


def with_its_inputs(
    module: Any, inputs: Inputs, positional: tuple[str, ...], called: str, trial: Any, weights: str
) -> LoadedModel:
    """A module with inputs that came with it: how many items they hold is theirs to say. Raises UserError for another
    `batch_size`."""
    if trial.batch_size != 1:
        check_batch(called, inputs, trial.batch_size)
    model = _module.loaded(module, lambda trial: inputs, trial, task="", weights=weights, positional=positional)
    model.redraw = None  # nobody knows how these inputs were made
    return with_items(model)


def with_items(model: LoadedModel) -> LoadedModel:
    """A model with how many items a call is of, where its inputs say it."""
    model.axes = _axes.shared(model.inputs)
    if items := _items.items(model.inputs, model.axes):
        model.facts["items"] = items
    return model


def check_batch(name: str, inputs: Inputs, batch_size: int) -> None:
    """Raises UserError for another number of items than the inputs hold; of one dimension they may be items too."""
    flat = tensors.leaves_of(inputs)
    counted = _items.items(inputs, _axes.shared(inputs))
    held = [counted] if counted else list(dict.fromkeys(a.shape[0] for a in flat.values() if a.ndim))
    if batch_size not in held:
        items = " or ".join(map(str, held)) or "no"
        raise UserError(f"batch_size {batch_size}: the inputs of {name} hold {items} items; give other inputs")


def _from_configuration(config: Any, inputs: Any) -> tuple[Any, Any, str]:
    """The model of a transformers configuration, seeded with 0, and its inputs."""
    import copy
    import types

    import torch
    import transformers

    config = _configs.without_cache(copy.deepcopy(config))
    name = next((a for a in config.architectures or [] if hasattr(transformers, a)), None)
    torch.manual_seed(0)
    try:
        module = (
            getattr(transformers, name)._from_config(config) if name else transformers.AutoModel.from_config(config)
        )
    except (ValueError, TypeError) as error:  # values that do not go together, or are missing
        raise UserError(f"{type(config).__name__}: {str(error).partition(chr(10))[0][:200]}") from error
    if inputs is None:
        sizes = dict.fromkeys(SIZES)
        inputs = _modalities.inputs_for(config, module, types.SimpleNamespace(batch_size=1, seed=0, **sizes), LENGTH)
    return module.eval(), inputs, "random"


def _import_paths(kinds: list[type]) -> list[str]:
    """The folders from which the module's classes and their helpers can be imported again."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    paths = [*_code.roots(kinds), *([str(Path(script).resolve().parent)] if script else []), os.getcwd()]
    return list(dict.fromkeys(p for p in paths if Path(p).is_dir()))


def _write(place: Path, paths: list[str], save: Callable[[Path], None]) -> None:
    """Writes the entry aside and renames it; one that is there learns the import paths of this session."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = place / META
    if known.is_file():
        meta = StoredModule.read(known)
        meta.paths = list(dict.fromkeys([*paths, *meta.paths]))
        aside = place / f".meta.{os.getpid()}"
        meta.write(aside)
        os.replace(aside, known)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        save(aside)
        os.rename(aside, place)
    except OSError:
        if not known.is_file():  # otherwise another process stored the same module meanwhile
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def refuse(trial: Any) -> str | None:
    if trial.with_loss:
        return "with_loss: a module given from Python has the inputs that it was given; give labels among them"
    return _refusals.no_shapes(trial)


source = Source(
    name="python",
    summary="a module or a transformers configuration given from Python",
    load=load,
    packages=("torch",),
    refuse=refuse,
    own_dtype=own_dtype,
    imports_from=imports_from,
)
