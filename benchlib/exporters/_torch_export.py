"""`torch.export` on the flat wrapper, with free axes: what the exporters that start from an ExportedProgram share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchlib.errors import UserError
from benchlib.exporters._flat import Flat

Axes = Mapping[str, Mapping[int, str]]  # the flat name of an input -> its axis -> the name of a free dimension
_TRIES = 4  # torch proposes better bounds after each


class Specialised(UserError):
    """An axis that was to stay free has one size in the exported graph."""


def program(flat: Flat, axes: Axes, strict: bool = False, largest: int | None = None) -> Any:
    """The ExportedProgram of the wrapper. The axes called alike are one dimension, free up to `largest` (None: no end).

    torch.export wants the bounds that the model itself sets (BERT: 512 positions) to be stated, and proposes them in
    its complaint: they are taken over. A relation that such a dimension cannot state (divisible by two) is left to
    torch (`Dim.DYNAMIC`), with a dimension for each axis. Raises Specialised for an axis that did not stay free.
    """
    from torch._dynamo.exc import UserError as Complaint
    from torch.export import Dim
    from torch.export.dynamic_shapes import refine_dynamic_shapes_from_suggested_fixes as refined

    if not axes:
        return _export(flat, None, strict)
    names = {name for of_input in axes.values() for name in of_input.values()}
    shapes = _shapes(flat, axes, {name: Dim(name, min=1, max=largest) for name in names})
    for _ in range(_TRIES):
        try:
            return _checked(_export(flat, shapes, strict), flat, axes)
        except Complaint as complaint:
            _raise_specialised(flat, axes, str(complaint))
            try:
                shapes = refined(str(complaint).partition("\n\n")[0], shapes)
            except Exception:  # there is no proposal, or none that it can read
                break
            _check_shapes(flat, axes, shapes)
    hints = _shapes(flat, axes, dict.fromkeys(names, Dim.DYNAMIC(min=1, max=largest)))
    return _checked(_export(flat, hints, strict), flat, axes)


def _export(flat: Flat, shapes: Any, strict: bool) -> Any:
    import torch

    with torch.no_grad():
        return torch.export.export(flat.module, flat.args, dynamic_shapes=shapes, strict=strict)


def _shapes(flat: Flat, axes: Axes, dims: Mapping[str, Any]) -> tuple:
    """torch.export's `dynamic_shapes`, an entry for each parameter of the wrapper."""
    return tuple({axis: dims[free] for axis, free in axes.get(name, {}).items()} for name in flat.input_names)


def _raise_specialised(flat: Flat, axes: Axes, complaint: str) -> None:
    """Raises Specialised when the complaint proposes one size for a dimension (`batch = 2`)."""
    for line in complaint.splitlines():
        name, equals, size = line.strip().partition(" = ")
        if equals and size.isdigit():
            for input_name in flat.input_names:
                for axis, free in axes.get(input_name, {}).items():
                    if free == name:
                        raise Specialised(_sentence(axis, free, input_name, size))


def _check_shapes(flat: Flat, axes: Axes, shapes: tuple) -> None:
    for name, found in zip(flat.input_names, shapes, strict=True):
        for axis, dim in found.items():
            if isinstance(dim, int):
                raise Specialised(_sentence(axis, axes[name][axis], name, dim))


def _checked(exported: Any, flat: Flat, axes: Axes) -> Any:
    """The program, if every axis that was to be free is so in its inputs."""
    values = {node.name: node.meta.get("val") for node in exported.graph.nodes if node.op == "placeholder"}
    for name, node in zip(flat.input_names, exported.graph_signature.user_inputs, strict=True):
        for axis, free in axes.get(name, {}).items():
            size = values[node].shape[axis]
            if isinstance(size, int):
                raise Specialised(_sentence(axis, free, name, size))
    return exported


def _sentence(axis: int, free: str, name: str, size: Any) -> str:
    return f"axis {axis} of {name} ({free}) did not stay free: the exporter specialised it to {size}"
