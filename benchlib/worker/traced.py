"""One trace of a model as the exporters that trace make it, with all that its Python asked its tensors for."""

from __future__ import annotations

import random
import re
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.exporters import _flat
from benchlib.exporters._trace_graph import Node, inputs_used, nodes_of
from benchlib.models import LoadedModel
from benchlib.tensors import FlatArrays
from benchlib.worker import conversions
from benchlib.worker.conversions import Conversion, is_users, observed

_UNSEEN = re.compile(r"Converting a tensor to a (Python|NumPy)")  # torch's words
# Relative to the largest element of an output: what rounding alone changes.
_ROUNDING = {"float64": 1e-12, "complex128": 1e-12, "float32": 1e-5, "complex64": 1e-5, "float16": 1e-2}
_TOLD = 200  # characters of a failure
_COARSE = 3e-2  # the same for anything shorter


@dataclass
class Trace:
    """A trace on one set of inputs; `failed` says why there is none."""

    nodes: list[Node] = field(default_factory=list)
    used: list[str] = field(default_factory=list)  # inputs that the outputs are computed from
    conversions: list[Conversion] = field(default_factory=list)
    outputs: list[np.ndarray] = field(default_factory=list)
    unseen: list[tuple[str, int]] = field(default_factory=list)  # where torch warns of a conversion that is not noted
    failed: str = ""
    refused: bool = False  # it failed as the model's own code raised, and no operator did


class Tracer:
    """Traces one module, in the wrapper that exporters give it."""

    def __init__(self, model: LoadedModel):
        self._flat = _flat.flat(model)
        self.names = self._flat.input_names

    def trace(self, inputs: FlatArrays, answers: Mapping[int, Any] | None = None, seed: int = 0) -> Trace:
        """The trace on flat `inputs`. Conversions whose numbers, counted from 0, are in `answers` are answered so."""
        import torch

        made = Trace()
        args = tuple(tensors.to_torch(inputs[name].copy()) for name in self.names)  # a model may write into them
        module, given = self._flat.module, list[Any]()
        hook = module.register_forward_hook(lambda module, args, outputs: given.extend(outputs))
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            with torch.no_grad(), warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                with observed(self.names, answers or {}) as made.conversions:
                    traced = torch.jit.trace(module, args, check_trace=False, strict=False)
        except Exception as error:  # whatever a model raises on these inputs or with these answers
            made.failed = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:_TOLD]}"
            made.refused = _is_raised_by_the_model(error)
            return made
        finally:
            hook.remove()
        graph = traced.inlined_graph
        made.nodes, made.used = nodes_of(graph), inputs_used(graph, self.names)
        made.outputs = [tensors.to_numpy(leaf).copy() for leaf in given]
        made.unseen = list(dict.fromkeys(_unseen(told)))
        return made


def _is_raised_by_the_model(error: Exception) -> bool:
    """Whether the line that raised is a `raise` or an `assert` of the model's code."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    line = (frame.line or "").lstrip()
    return is_users(frame.filename) and (isinstance(error, AssertionError) or line.startswith(("raise", "assert")))


def _unseen(told: Sequence[warnings.WarningMessage]) -> Iterator[tuple[str, int]]:
    """Where torch warns of a conversion. Those that are noted are made, and warned of, in `conversions`."""
    import torch

    for warning in told:
        noted = Path(warning.filename) == Path(conversions.__file__)
        if issubclass(warning.category, torch.jit.TracerWarning) and _UNSEEN.match(str(warning.message)) and not noted:
            yield warning.filename, warning.lineno


def outputs_differ(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> bool:
    """Whether outputs are others, beyond what rounding does."""
    return len(a) != len(b) or any(_differ(left, right) for left, right in zip(a, b, strict=True))


def _differ(a: np.ndarray, b: np.ndarray) -> bool:
    dtype = tensors.dtype_of(a)
    if a.shape != b.shape or dtype != tensors.dtype_of(b):
        return True
    left, right = tensors.values(a), tensors.values(b)
    if left.dtype.kind not in "fc":
        return not np.array_equal(left, right)
    finite = np.isfinite(left)
    if not np.array_equal(left[~finite], right[~finite], equal_nan=True) or not np.isfinite(right[finite]).all():
        return True
    largest = float(np.abs(left[finite]).max(initial=0.0))
    off = float(np.abs(left[finite] - right[finite]).max(initial=0.0))
    return off > _ROUNDING.get(dtype, _COARSE) * largest
