"""The sizes of an ONNX file's inputs.

A free dimension is taken, in this order, from `shapes`, from `batch_size` (the first dimension, one that is
called so, and the free dimension of recurrent state), and from `seq_length`, `height` or `width` where the
graph calls it so (`models._names`: `image_width`, `T`, `num_frames`); a sum of names
(`past_sequence_length + sequence_length`) from its parts (`_onnx_sums`). Channels are as many as the weights take, else
three. What is left is an error that lists the inputs and shows how to say it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchlib import tensors
from benchlib.errors import UserError, suggestion
from benchlib.models._fillers import CHUNK
from benchlib.models._names import are_channels, is_sound, parameter_of
from benchlib.models._onnx_graph import Values, words
from benchlib.models._onnx_sums import Sums, is_sum
from benchlib.models._onnx_uses import GraphUses
from benchlib.record.metadata import FreeAxes
from benchlib.tensors import Inputs

Shapes = dict[str, list[int]]  # an input of the graph -> its sizes
RGB = 3
FOLLOWED = {"batch_size": "batch", "seq_length": "seq_length"}  # as `LoadedModel.axes` calls them


def axes(wanted: Values, inputs: Inputs) -> FreeAxes:
    """The free dimensions that the graph calls batch or sequence, as in `LoadedModel.axes`; others stay out."""
    flat = {id(leaf): name for name, leaf in tensors.flatten(inputs)[0].items()}
    found = {}
    for name, value in wanted.items():
        called = {i: parameter_of(d) for i, d in enumerate(value.dims or ()) if isinstance(d, str)}
        followed = {i: FOLLOWED[parameter] for i, parameter in called.items() if parameter in FOLLOWED}
        if followed and id(inputs[name]) in flat:  # a sequence has leaves of its own
            found[flat[id(inputs[name])]] = followed
    return found


def by_name(shapes: Mapping[str, list[int]] | list[list[int]], wanted: Values) -> Shapes:
    """Shapes as a trial gives them, by name or in the graph's order. Raises UserError."""
    if not isinstance(shapes, Mapping):
        if len(shapes) != len(wanted):
            raise UserError(f"shapes: {len(shapes)} are given, the graph has {len(wanted)} inputs: {', '.join(wanted)}")
        return dict(zip(wanted, shapes, strict=True))
    for name in shapes:
        if name not in wanted:
            raise UserError(f"shapes: the graph has no input '{name}'{suggestion(name, wanted)}")
    return dict(shapes)


def resolved(wanted: Values, trial: Any, graph: GraphUses) -> Shapes:
    """The shape of each input. Raises UserError that names what is missing and how to say it."""
    given = by_name(trial.shapes or {}, wanted)
    for name, shape in given.items():
        _check(name, wanted[name].dims, shape)
    bound = _bound(given, wanted)
    shapes = {n: list(given[n]) if n in given else _shape(n, wanted, bound, trial, graph) for n in wanted}
    known = _bound({name: shape for name, shape in shapes.items() if shape}, wanted)
    sums = Sums({**known, **bound}, bound, trial)
    for name in shapes.keys() - given.keys():
        shapes[name] = sums.applied(wanted[name].dims, shapes[name])
    missing = {name: shape for name, shape in shapes.items() if shape is None or None in shape}
    if missing:
        raise UserError(_unknown_sizes(missing, wanted))
    return shapes


def _bound(given: Mapping[str, Sequence[int | None]], wanted: Values) -> dict[str, int]:
    """The sizes of the dimensions that the graph names, from the shapes that are given or known."""
    pairs = (pair for name, shape in given.items() for pair in zip(wanted[name].dims or (), shape, strict=False))
    return {dim: size for dim, size in pairs if isinstance(dim, str) and dim and size}


def _unknown_sizes(missing: Mapping[str, list[int | None] | None], wanted: Values) -> str:
    listed = "; ".join(f"{name} {value}" for name, value in wanted.items())
    shapes = {n: ["…"] if s is None else ["…" if d is None else d for d in s] for n, s in missing.items()}
    how = ", ".join(f"{name}: {words(shape)}" for name, shape in shapes.items())
    free = (d for n, s in missing.items() if s for d, size in zip(wanted[n].dims or (), s, strict=True) if size is None)
    called = sorted({parameter for d in free if (parameter := parameter_of(str(d)))})
    or_by = f" or {', '.join(f'`{parameter}`' for parameter in called)}" if called else ""
    return f"the sizes of {', '.join(missing)} are not known; inputs: {listed}; say `shapes: {{{how}}}`{or_by}"


def _check(name: str, dims: tuple[int | str, ...] | None, given: list[int]) -> None:
    if dims is None:
        return
    if len(given) != len(dims) or any(isinstance(d, int) and d != g for d, g in zip(dims, given, strict=False)):
        raise UserError(f"shapes: {name} is {words(dims)} in the graph, not {given}")


def _shape(
    name: str, wanted: Values, bound: Mapping[str, int], trial: Any, graph: GraphUses
) -> list[int | None] | None:
    dims = wanted[name].dims
    if dims is None:
        return None
    return [d if isinstance(d, int) else _size(name, wanted, i, bound, trial, graph) for i, d in enumerate(dims)]


def _size(name: str, wanted: Values, axis: int, bound: Mapping[str, int], trial: Any, graph: GraphUses) -> int | None:
    dims = wanted[name].dims or ()
    called = str(dims[axis])
    if called and called in bound:
        return bound[called]
    if is_sum(called):
        return None  # its parts may be the sizes of other inputs: `resolved` adds them up
    parameter = parameter_of(called)
    if parameter and getattr(trial, parameter):
        return getattr(trial, parameter)
    if axis == len(dims) - 1 and axis > 0 and is_sound(name, wanted):
        return CHUNK
    if parameter:
        return None  # the graph says what it is, the trial does not say how long
    if are_channels(called):
        return graph.channels(name) or (RGB if len(dims) > 3 else None)
    if name in graph.states or (axis == 0 and (len(dims) > 1 or not called)):
        return trial.batch_size
    return None
