"""An ONNX file whose batch is a fixed number, for another batch.

The inputs' first dimensions get the new size, and so do the shapes that Reshape takes from constants where they begin
with the old one. Whether that was all is then found out: shape inference and onnx's checker have to accept the graph,
and it has to compute for each item what the file itself computes for it. If it does not, nothing is run, and the
operator that forbids it is named.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchlib.errors import Refused
from benchlib.models import _fillers, _onnx_values
from benchlib.models._onnx_graph import Value
from benchlib.models._onnx_shapes import Wanted, by_name, parameter_of

NAME = "model.onnx"
_NODE = re.compile(
    r"op_type:(\w+), node name: ([^)]*)\)|running (\w+) node\. Name:'([^']*)'|Node \(([^)]*)\) Op \((\w+)\)"
)
_CLOSE = {"rtol": 1e-3, "atol": 1e-4}  # of floating outputs: other batches are summed in other orders
Axes = dict[str, int]  # input -> the axis that is its batch


def asked(wanted: Wanted, trial: Any) -> tuple[int, int] | None:
    """(the file's batch, the one that is asked for) where they differ; by `batch_size`, or by `shapes` that are as the
    graph's but for the batch. Raises Refused where nothing in the file can be its batch."""
    if trial.inputs or any(_is_batch(value) for value in wanted.values()):
        return None
    old = next((v.dims[0] for n, v in wanted.items() if len(v.dims or ()) > 1 and not _fillers.is_state(n)), None)
    if trial.shapes:
        shapes = by_name(trial.shapes, wanted)
        new = next((s[0] for n, s in shapes.items() if s and wanted[n].dims and wanted[n].dims[0] == old), old)
    else:
        new = trial.batch_size if trial.batch_size > 1 else old
    if old is None and trial.batch_size > 1 and not trial.shapes:
        raise Refused(f"batch_size {trial.batch_size}: no dimension of the file's inputs can be its batch")
    return (old, new) if isinstance(old, int) and new != old else None


def _is_batch(value: Value) -> bool:
    """Whether a free dimension follows the batch: the first one, or one that is called so."""
    dims = value.dims or ()
    return any(isinstance(d, str) and (i == 0 or parameter_of(d) == "batch_size") for i, d in enumerate(dims))


def rewritten(path: Path, wanted: Wanted, old: int, new: int, seed: int) -> tuple[Any, Callable[[Path], Path]]:
    """The graph for the other batch, and what writes it into a folder. Raises Refused with the operator."""
    import onnx

    model, reason = onnx.load(path), ""
    apart = any(
        t.data_location == onnx.TensorProto.EXTERNAL
        for t in onnx.load(path, load_external_data=False).graph.initializer
    )

    def write(folder: Path) -> Path:
        file = folder / NAME
        onnx.save_model(found, file, save_as_external_data=apart, location=f"{NAME}.data")
        return file

    for axes in _choices(wanted, old):
        found = _changed(model, axes, old, new)
        problem = _problem(found, path, write, wanted, axes, old, new, seed)
        if not problem:
            return found, write
        reason = reason or problem
    raise Refused(f"batch_size {new}: the file is made for a batch of {old}, and {reason}")


def _choices(wanted: Wanted, old: int) -> list[Axes]:
    """Which axes are the batch: those of all inputs, then without those of one dimension, which may be other."""
    axes = {}
    for name, value in wanted.items():
        axis = 1 if _fillers.is_state(name) and len(value.dims or ()) == 3 else 0
        if len(value.dims or ()) > axis and value.dims[axis] == old and name.lower() not in _fillers.RATES:
            axes[name] = axis
    fewer = {name: axis for name, axis in axes.items() if len(wanted[name].dims) > 1}
    return [axes] if fewer == axes else [axes, fewer]


def _changed(model: Any, axes: Axes, old: int, new: int) -> Any:
    import onnx
    from onnx import helper, numpy_helper

    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    del graph.value_info[:]
    for value in graph.input:
        if value.name in axes:
            _innermost(value.type).shape.dim[axes[value.name]].dim_value = new
    for value in graph.output:
        for dim in _innermost(value.type).shape.dim:
            dim.Clear()  # shape inference says anew what it is
    constants = {t.name: t for t in graph.initializer}
    constants |= {
        n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant" and n.attribute[0].HasField("t")
    }
    reached, nodes = set(axes), []
    for node in graph.node:
        if not reached & set(node.input) or node.op_type in ("Shape", "Size"):
            nodes.append(node)
            continue
        reached |= set(node.output)
        if node.op_type == "Reshape" and node.input[1] in constants and node.input[0] in reached:
            shape = numpy_helper.to_array(constants[node.input[1]]).copy()
            if shape.size and shape[0] == old:
                shape[0] = new
                name = f"{node.output[0]}_shape_for_{new}"
                nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(shape)))
                node.input[1] = name
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return found


def _innermost(kind: Any) -> Any:
    which = kind.WhichOneof("value")
    return kind.tensor_type if which in (None, "tensor_type") else _innermost(getattr(kind, which).elem_type)


def _problem(found: Any, path: Path, write: Callable, wanted: Wanted, axes: Axes, old: int, new: int, seed: int) -> str:
    """What is wrong with the rewritten graph, or ""."""
    import onnx

    try:
        if found.ByteSize() < onnx.checker.MAXIMUM_PROTOBUF:
            found.CopyFrom(onnx.shape_inference.infer_shapes(found, strict_mode=True, data_prop=True))
            onnx.checker.check_model(found)
    except Exception as error:
        return _said(error)
    with tempfile.TemporaryDirectory(prefix="benchlib-") as folder:
        try:
            return _differs(_runner(path), _runner(write(Path(folder))), found, wanted, axes, old, new, seed)
        except Exception as error:
            return _said(error)


def _differs(
    original: Callable, other: Callable, found: Any, wanted: Wanted, axes: Axes, old: int, new: int, seed: int
) -> str:
    """Which output is not, item for item, what the file itself gives for the first items and for the last."""
    many = max(old, new)
    shapes = {name: list(value.dims) for name, value in wanted.items()}
    for name, axis in axes.items():
        shapes[name][axis] = many
    inputs = _onnx_values.generated(found, wanted, shapes, seed)
    theirs = other(_items(inputs, axes, 0, new))
    for start in dict.fromkeys((0, many - old)):
        ours = original(_items(inputs, axes, start, old))
        for value, mine, right in zip(found.graph.output, theirs, ours, strict=True):
            axis = next(
                (i for i, (m, r) in enumerate(zip(mine.shape, right.shape, strict=True)) if (m, r) == (new, old)), None
            )
            if axis is None:
                return f"output '{value.name}' of {_maker(found, value.name)} does not follow the batch"
            count = min(old, new)
            mine = np.take(mine, np.arange(start, start + count) if new > old else np.arange(count), axis)
            right = np.take(right, np.arange(count), axis)
            equal = (
                np.allclose(mine, right, **_CLOSE, equal_nan=True)
                if right.dtype.kind in "fc"
                else np.array_equal(mine, right)
            )
            if not equal:
                return (
                    f"output '{value.name}' of {_maker(found, value.name)} does not compute the items of a batch apart"
                )
    return ""


def _items(inputs: Mapping[str, Any], axes: Axes, start: int, count: int) -> dict[str, Any]:
    chosen = np.arange(start, start + count)
    return {n: np.take(a, chosen, axes[n]) if n in axes else a for n, a in inputs.items()}


def _runner(path: Path) -> Callable[[dict[str, Any]], list[Any]]:
    """A graph by onnxruntime without its optimisations; it is needed for every ONNX file's own check."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    return lambda inputs: session.run(None, {name: inputs[name] for name in names})


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
