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
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import benchlib
from benchlib.typed_json import from_json, to_json

META = "meta.json"  # of a stored module


@dataclass
class StoredModule:
    """What lies beside a stored module and its inputs, as meta.json: how it is called, and what it needs to open."""

    positional: list[str]  # inputs that forward takes by position
    weights: str  # "random", "as given"
    paths: list[str]  # folders from which its helper modules are imported
    class_name: str = ""

    def write(self, file: Path) -> None:
        """Writes it as JSON."""
        file.write_text(json.dumps(to_json(self)))

    @classmethod
    def read(cls, file: Path) -> StoredModule:
        """What `write` wrote. Raises OSError where there is no such file."""
        return from_json(cls, json.loads(file.read_text()))


def save(module: Any, path: Path) -> None:
    """Writes `module` to `path`, atomically."""
    import cloudpickle
    import torch

    cloudpickle.register_pickle_by_value(benchlib)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save(module, temporary, pickle_module=_pickle_module())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
        cloudpickle.unregister_pickle_by_value(benchlib)


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
