"""An ONNX file whose batch is a fixed number, for another batch.

The inputs' first dimensions get the new size, and so do the shapes that Reshape takes from constants where they begin
with the old one. Whether that was all is then found out by `_onnx_batch_check`: shape inference and onnx's checker have
to accept the graph, and it has to compute for each item what the file itself computes for it. If it does not, nothing
is run, and the operator that forbids it is named.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import machine, onnx_links
from benchlib.errors import Refused
from benchlib.models._names import RATES, parameter_of
from benchlib.models._onnx_batch_check import Batch, inputs_for, problem, runner
from benchlib.models._onnx_graph import Value, Values
from benchlib.models._onnx_shapes import by_name

NAME = "model.onnx"


def asked(wanted: Values, trial: Any, states: Collection[str]) -> tuple[int, int] | None:
    """(the file's batch, the one that is asked for) where they differ; by `batch_size`, or by `shapes` that are as the
    graph's but for the batch. `states` are the inputs whose batch is not their first dimension. Raises Refused where
    nothing in the file can be its batch."""
    if trial.inputs or any(_is_batch(value) for value in wanted.values()):
        return None
    old = next((v.dims[0] for n, v in wanted.items() if len(v.dims or ()) > 1 and n not in states), None)
    if not old and trial.batch_size > 1 and not trial.shapes:
        raise Refused(f"batch_size {trial.batch_size}: no dimension of the file's inputs can be its batch")
    new = _new_batch(old, wanted, trial)
    return (old, new) if isinstance(old, int) and new != old else None


def _new_batch(old: Any, wanted: Values, trial: Any) -> Any:
    """The batch that is asked for; `old` where none is."""
    if trial.shapes:
        shapes = by_name(trial.shapes, wanted)
        return next((s[0] for n, s in shapes.items() if s and wanted[n].dims and wanted[n].dims[0] == old), old)
    return trial.batch_size if trial.batch_size > 1 else old


def _is_batch(value: Value) -> bool:
    """Whether a free dimension follows the batch: the first one, or one that is called so."""
    dims = value.dims or ()
    called = ((i, parameter_of(d)) for i, d in enumerate(dims) if isinstance(d, str))
    return any(parameter == "batch_size" or (i == 0 and not parameter) for i, parameter in called)


def rewritten(
    path: Path, wanted: Values, old: int, new: int, trial: Any, states: Collection[str]
) -> tuple[Any, Callable[[Path], Path]]:
    """The graph for the other batch, and what writes it into a folder. Raises Refused with the operator."""
    import onnx

    run = partial(runner, threads=trial.num_cores or machine.allowed_cores())
    original, model, reason = run(path), onnx_links.load(path), ""
    apart = any(
        t.data_location == onnx.TensorProto.EXTERNAL
        for t in onnx.load(path, load_external_data=False).graph.initializer
    )

    def write(folder: Path) -> Path:
        file, whole = folder / NAME, onnx.ModelProto()
        whole.CopyFrom(found)  # what is saved loses the weights that lie apart
        onnx.save_model(whole, file, save_as_external_data=apart, location=f"{NAME}.data")
        return file

    def write_and_run(folder: Path) -> Any:
        return run(write(folder))

    for batch in _choices(wanted, old, new, states):
        found, reached = _changed(model, batch)
        inputs = inputs_for(found, batch, trial)
        with tempfile.TemporaryDirectory(prefix="benchlib-") as folder:
            wrong = problem(found, reached, original, partial(write_and_run, Path(folder)), inputs, batch)
        if not wrong:
            return found, write
        reason = reason or wrong
    raise Refused(f"batch_size {new}: the file is made for a batch of {old}, and {reason}")


def _choices(wanted: Values, old: int, new: int, states: Collection[str]) -> list[Batch]:
    """Which axes are the batch: those of all inputs, then without those of one dimension, which may be other."""
    axes = {}
    for name, value in wanted.items():
        axis = 1 if name in states and len(value.dims or ()) == 3 else 0
        if len(value.dims or ()) > axis and value.dims[axis] == old and name.lower() not in RATES:
            axes[name] = axis
    fewer = {name: axis for name, axis in axes.items() if len(wanted[name].dims) > 1}
    return [Batch(chosen, old, new) for chosen in ([axes] if fewer == axes else [axes, fewer])]


def _changed(model: Any, batch: Batch) -> tuple[Any, set[str]]:
    """The graph with the other batch, and the names of the values that come from the inputs that have one."""
    import onnx

    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    _change_ends(graph, batch)
    constants = _constants(graph)
    reached, nodes = set(batch.axes), []
    for node in graph.node:
        if reached & _read_by(node) and node.op_type not in ("Shape", "Size"):
            reached |= set(node.output)
            if node.op_type == "Reshape" and node.input[1] in constants and node.input[0] in reached:
                nodes += _new_shape(node, constants[node.input[1]](), batch)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return found, reached


def _change_ends(graph: Any, batch: Batch) -> None:
    """Gives the inputs their new size; what lies behind them is for shape inference to say anew."""
    del graph.value_info[:]
    for value in graph.input:
        if value.name in batch.axes:
            _innermost(value.type).shape.dim[batch.axes[value.name]].dim_value = batch.new
    for value in graph.output:
        for dim in _innermost(value.type).shape.dim:
            dim.Clear()


def _new_shape(reshape: Any, shape: Any, batch: Batch) -> list[Any]:
    """The constant, as a list of one, that a Reshape reads from now on; [] where its shape does not begin with the
    old batch."""
    from onnx import helper, numpy_helper

    shape = np.array(shape)
    if not shape.size or shape[0] != batch.old:
        return []
    shape[0] = batch.new
    reshape.input[1] = f"{reshape.output[0]}_shape_for_{batch.new}"
    return [helper.make_node("Constant", [], [reshape.input[1]], value=numpy_helper.from_array(shape))]


def _constants(graph: Any) -> Mapping[str, Callable[[], Any]]:
    """What gives the array of each weight and of each Constant of the graph."""
    from onnx import numpy_helper

    weights = {tensor.name: partial(numpy_helper.to_array, tensor) for tensor in graph.initializer}
    nodes = (node for node in graph.node if node.op_type == "Constant")
    return weights | {node.output[0]: partial(_value_of, node.attribute[0]) for node in nodes}


def _value_of(attribute: Any) -> Any:
    """What a Constant holds: a tensor, or whole numbers alone (`value_ints`)."""
    from onnx import numpy_helper

    return numpy_helper.to_array(attribute.t) if attribute.HasField("t") else np.array(attribute.ints, np.int64)


def _read_by(node: Any) -> set[str]:
    """The values that a node takes; its subgraphs see those of the graph around them without naming them as inputs."""
    inner = (n for a in node.attribute for graph in (a.g, *a.graphs) for n in graph.node)
    return set(node.input).union(*map(_read_by, inner))


def _innermost(kind: Any) -> Any:
    which = kind.WhichOneof("value")
    return kind.tensor_type if which in (None, "tensor_type") else _innermost(getattr(kind, which).elem_type)
