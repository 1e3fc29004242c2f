"""A module on disk, so that every process of a trial runs the very same object.

The file opens with plain `torch.load(path, weights_only=False)`, without benchlib: what benchlib itself
defines is pickled by value. Classes from a notebook or a script's `__main__` are too (cloudpickle).
Parametrized modules (weight_norm, spectral_norm), which refuse to be pickled because their class is made on
the fly, are taken apart into their original class and their state, and put together again. Tensors that a
module computed and kept with their gradient's history (the old weight_norm's `weight`) are saved without it.
ScriptModules, which pickle refuses too, are kept as the bytes that `torch.jit.save` writes, and the module of an
ExportedProgram as its graph and weights.
"""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib.by_value import by_value
from benchlib.errors import UserError
from benchlib.typed_json import from_json, to_json

# What pickle raises for what it does not take, and objects for themselves.
_UNSTORABLE = (TypeError, pickle.PickleError, AttributeError, ValueError, RuntimeError, ImportError)
_OF_TORCH = ("_modules", "_parameters", "_buffers")
META = "meta.json"  # of a stored module


@dataclass
class StoredModule:
    """What lies beside a stored module and its inputs, as meta.json: how it is called, and what it needs to open."""

    positional: list[str]  # inputs that forward takes by position
    weights: str  # "random", "as given"
    paths: list[str]  # folders from which its helper modules are imported
    class_name: str = ""
    dtype: str = ""  # the one of weights and inputs, or mixed; empty: stored before it was noted, and run in float32
    told: list[str] = field(default_factory=list)  # what is not as it was given, a sentence each

    def write(self, file: Path) -> None:
        """Writes it as JSON."""
        file.write_text(json.dumps(to_json(self)))

    @classmethod
    def read(cls, file: Path) -> StoredModule:
        """What `write` wrote. Raises OSError where there is no such file."""
        return from_json(cls, json.loads(file.read_text()))


def save(module: Any, path: Path) -> None:
    """Writes `module` to `path`, atomically. Raises UserError, a line, for what cannot be pickled."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with by_value():
            _write(module, temporary)
        os.replace(temporary, path)
    except _UNSTORABLE as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{type(module).__name__} cannot be stored{_culprit(module)}: {reason}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _write(module: Any, file: Any) -> None:
    import torch

    torch.save(module, file, pickle_module=_pickle_module())


def _culprit(module: Any) -> str:
    """`, for its attribute encoder.lock`: the first one that cannot be pickled by itself."""
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if name in _OF_TORCH:
                continue
            try:
                with by_value():
                    _write(value, io.BytesIO())
            except Exception:  # whatever an object has against it
                return f", for its attribute {path}{'.' * bool(path)}{name}"
    return ""


def open_saved(path: str | os.PathLike) -> Any:
    """The module again; its weights are mapped from the file, so that workers share their pages."""
    import torch

    return torch.load(path, map_location="cpu", mmap=True, weights_only=False)


def _pickle_module() -> types.ModuleType:
    import cloudpickle
    import torch
    from torch.nn.utils import parametrize

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, obj):
            if isinstance(obj, torch.nn.Module) and parametrize.is_parametrized(obj):
                original = type(obj).__bases__[0]
                return _parametrized_again, (original, obj.__dict__, list(obj.parametrizations))
            if type(obj).__name__ == "OptimizedModule":  # of a part: compiling is the exporter's affair
                return _itself, (obj._orig_mod,)
            if isinstance(obj, torch.Tensor) and not obj.is_leaf:
                return obj.detach().__reduce_ex__(2)
            if isinstance(obj, torch.fx.GraphModule) and "eval" in vars(obj):
                return _unguarded(obj).__reduce__()
            if isinstance(obj, torch.jit.ScriptModule):
                written = io.BytesIO()
                torch.jit.save(obj, written)
                return _scripted_again, (written.getvalue(),)
            return super().reducer_override(obj)

    module = types.ModuleType("benchlib_pickle")
    module.__dict__["Pickler"] = Pickler
    return module


def _itself(module: Any) -> Any:
    return module


def _parametrized_again(original: Any, state: dict, names: list[str]) -> Any:
    from torch.nn.utils import parametrize

    module = original.__new__(original)
    module.__dict__.update(state)
    parametrize._inject_new_class(module)
    for name in names:
        parametrize._inject_property(module, name)
    return module


def _unguarded(module: Any) -> Any:
    """What `torch.export` gives as a module, without the checks of its inputs and the ban on `eval()`, which pickle
    refuses: the same graph on the same weights."""
    import torch

    graph = copy.deepcopy(module.graph)
    for node in graph.nodes:
        if node.op == "call_module" and node.target == "_guards_fn":
            graph.erase_node(node)
    return torch.fx.GraphModule(module, graph)


def _scripted_again(written: bytes) -> Any:
    import torch

    return torch.jit.load(io.BytesIO(written))
