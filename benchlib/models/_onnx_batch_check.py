"""Whether a file that was rewritten for another batch computes for each item what the file itself computes for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.models._onnx_graph import inputs_of
from benchlib.models._onnx_shapes import resolved
from benchlib.models._onnx_uses import GraphUses
from benchlib.models._onnx_values import Generator
from benchlib.registries import runtimes
from benchlib.runtimes import OpenRequest
from benchlib.tensors import Inputs

_NODE = re.compile(
    r"op_type:(\w+), node name: ([^)]*)\)|running (\w+) node\. Name:'([^']*)'|Node \(([^)]*)\) Op \((\w+)\)"
)
# Floating outputs may differ, as other batches are summed in other orders: by these shares of an element itself and of
# the largest one.
_SHARE, _OF_LARGEST = 1e-3, 1e-4
Run = Callable[[Inputs], list[Any]]  # a graph: its inputs by name -> its outputs in order


@dataclass(frozen=True)
class Batch:
    """Another batch of a graph: input -> the axis that is its batch, and the number of items, before and now."""

    axes: Mapping[str, int]
    old: int
    new: int


def inputs_for(found: Any, batch: Batch, trial: Any) -> Inputs:
    """Inputs for the larger batch. Zeros, which recurrent state begins with, would hide that items mix."""
    wanted = inputs_of(found)
    graph = GraphUses(found, wanted)
    shapes = resolved(wanted, trial, graph)
    for name, axis in batch.axes.items():
        shapes[name][axis] = max(batch.old, batch.new)
    rng = np.random.default_rng(trial.seed)
    made = Generator(wanted, shapes, graph.uses(shapes))(trial.seed)
    return {
        name: rng.standard_normal(shapes[name]).astype(value.dtype)
        if name in graph.states and getattr(value, "dtype", np.dtype(int)).kind == "f"
        else value
        for name, value in made.items()
    }


def problem(
    found: Any, reached: set[str], original: Run, open_: Callable[[], Run], inputs: Inputs, batch: Batch
) -> str:
    """What is wrong with the rewritten graph `found`, which `open_` opens, or "". `reached` are its values that
    come from inputs with a batch."""
    import onnx

    try:
        if found.ByteSize() < onnx.checker.MAXIMUM_PROTOBUF:
            found.CopyFrom(onnx.shape_inference.infer_shapes(found, strict_mode=True, data_prop=True))
            onnx.checker.check_model(found)
        theirs = open_()(_items(inputs, batch, 0, batch.new))
        later = max(0, batch.new - batch.old)
        for start in (*range(0, later, batch.old), later):
            ours = original(_items(inputs, batch, start, batch.old))
            if wrong := _differs(found, reached, theirs, ours, start, batch):
                return wrong
    except Exception as error:
        return _said(error)
    return ""


def _differs(found: Any, reached: set[str], theirs: list[Any], ours: list[Any], start: int, batch: Batch) -> str:
    """Which output is not, item for item, what the file itself gives for the items from `start` on."""
    count = min(batch.old, batch.new)
    for value, mine, right in zip(found.graph.output, theirs, ours, strict=True):
        what = f"output '{value.name}' of {_maker(found, value.name)}"
        mine, right = _leaves(mine), _leaves(right)
        if value.name in reached or [m.shape for m in mine] != [r.shape for r in right]:
            axis = _followed(mine, right, batch)
            if axis is None:
                return f"{what} does not follow the batch"
            first = start if batch.new > batch.old else 0
            mine = [np.take(m, np.arange(first, first + count), axis) for m in mine]
            right = [np.take(r, np.arange(count), axis) for r in right]
        if not all(map(_equal, mine, right)):
            return f"{what} does not compute the items of a batch apart"
    return ""


def _leaves(output: Any) -> list[Any]:
    """The arrays of an output, which may be a sequence of tensors."""
    return [tensors.values(tensors.to_numpy(leaf)) for leaf in tensors.flatten(output)[0].values()]


def _followed(mine: list[Any], right: list[Any], batch: Batch) -> int | None:
    """The axis along which all arrays of an output are as long as their batch; None where there is none."""
    ranks = {array.ndim for array in (*mine, *right)}
    if len(mine) != len(right) or len(ranks) != 1:
        return None
    pairs = [(m.shape, r.shape) for m, r in zip(mine, right, strict=True)]
    return next((i for i in range(ranks.pop()) if all((m[i], r[i]) == (batch.new, batch.old) for m, r in pairs)), None)


def _equal(mine: Any, right: Any) -> bool:
    if mine.shape != right.shape:
        return False
    if right.dtype.kind not in "fc":
        return np.array_equal(mine, right)
    largest = np.abs(right[np.isfinite(right)]).max(initial=0)
    return np.allclose(
        mine, right, _SHARE, max(_OF_LARGEST, np.finfo(right.dtype).eps) * float(largest), equal_nan=True
    )


def _items(inputs: Inputs, batch: Batch, start: int, count: int) -> Inputs:
    chosen, found = np.arange(start, start + count), dict(inputs)
    for name, axis in batch.axes.items():
        found[name] = tensors.apply(partial(np.take, indices=chosen, axis=axis), inputs[name])
    return found


def runner(path: Path, threads: int) -> Run:
    """A graph by onnxruntime without its optimisations, which is what judges every ONNX file. Raises Refused for a file
    of a version that it does not read."""
    runtime = runtimes.get("onnxruntime")
    options = {name: option.default for name, option in runtime.options.items()}
    session = runtime.open(OpenRequest(str(path), "onnx", threads=threads, rtopt="off", options=options))
    return lambda inputs: session.to_host(session.bind(inputs, tensors.flatten(inputs)[0])())


def _maker(model: Any, output: str) -> str:
    node = next((n for n in model.graph.node if output in n.output), None)
    return f"node {node.op_type} '{node.name or output}'" if node else "the graph"


def _said(error: Exception) -> str:
    """The operator that an error names, else its first line."""
    if place := _NODE.search(str(error)):
        op, name, op2, name2, name3, op3 = place.groups()
        called = name or name2 or name3
        return f"node {op or op2 or op3}{f' {called!r}' if called else ''} does not take another"
    return f"it takes no other: {str(error).strip().partition(chr(10))[0][:200]}"
