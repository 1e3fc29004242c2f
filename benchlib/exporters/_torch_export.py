"""`torch.export` on the flat wrapper, with free axes: what the exporters that start from an ExportedProgram share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from benchlib.errors import UserError
from benchlib.exporters._flat import Flat

Axes = Mapping[str, Mapping[int, str]]  # the flat name of an input -> its axis -> the name of a free dimension
_TRIES = 4  # torch proposes better bounds after each
_CONSTANT = re.compile(r"L\['(\w+)'\]\.size\(\)\[(\d+)\].* specialized it to be a constant \((\d+)\)")  # torch's words


class Specialised(UserError):
    """An axis that was to stay free has one size in the exported graph."""

    def __init__(self, axis: int, free: str, name: str, size: Any):
        super().__init__(f"axis {axis} of {name} ({free}) did not stay free: the export specialised it to {size}")


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
    shapes = one_dimension_per_name(flat, axes, largest)
    for _ in range(_TRIES):
        try:
            return _checked(_export(flat, shapes, strict), flat, axes)
        except Complaint as complaint:
            try:
                # What follows the proposals, torch's own function for them cannot read.
                shapes = refined(str(complaint).partition("\n\n")[0], shapes)
            except Exception:  # there is no proposal, or none for a single dimension
                break
            _check(shapes, flat, axes)
    hints = _shapes(flat, axes, lambda name: Dim.DYNAMIC(min=1, max=largest))
    try:
        return _checked(_export(flat, hints, strict), flat, axes)
    except Complaint as complaint:
        if found := _CONSTANT.search(str(complaint)):
            name, axis, size = found[1], int(found[2]), found[3]
            raise Specialised(axis, axes.get(name, {}).get(axis, "free"), name, size) from complaint
        raise


def decides_on_data(failure: BaseException | None) -> bool:
    """Whether an export failed because the model's course depends on values that only a run knows."""
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    while failure is not None:
        if isinstance(failure, GuardOnDataDependentSymNode):
            return True
        failure = failure.__cause__ or failure.__context__
    return False


def drafted(flat: Flat, axes: Axes) -> tuple[Any, list[str]]:
    """The ExportedProgram in which the model goes the way that it goes for the example inputs, and its decisions:
    `4*u6 > 4000 is False`. What torch.export cannot do for another reason raises what `draft_export` raises."""
    import torch

    shapes = one_dimension_per_name(flat, axes) if axes else None
    with torch.no_grad():
        program = torch.export.draft_export(flat.module, flat.args, dynamic_shapes=shapes)
    told = [failure.data for failure in program._report.failures if "result" in failure.data]
    return program, [f"{data['expr']} is {data['result']}" for data in told]


def one_dimension_per_name(flat: Flat, axes: Axes, largest: int | None = None) -> tuple:
    """torch.export's `dynamic_shapes` for the wrapper, the axes called alike being one `Dim`."""
    from torch.export import Dim

    dims: dict[str, Any] = {}
    return _shapes(flat, axes, lambda name: dims.setdefault(name, Dim(name, min=1, max=largest)))


def _shapes(flat: Flat, axes: Axes, dim: Any) -> tuple:
    return tuple({axis: dim(free) for axis, free in axes.get(name, {}).items()} for name in flat.input_names)


def _export(flat: Flat, shapes: Any, strict: bool) -> Any:
    import torch

    with torch.no_grad():
        return torch.export.export(flat.module, flat.args, dynamic_shapes=shapes, strict=strict)


def _checked(exported: Any, flat: Flat, axes: Axes) -> Any:
    """The program, if every axis that was to be free is so in its inputs."""
    values = {node.name: node.meta.get("val") for node in exported.graph.nodes if node.op == "placeholder"}
    _check([values[node].shape for node in exported.graph_signature.user_inputs], flat, axes)
    return exported


def _check(shapes: Any, flat: Flat, axes: Axes) -> None:
    """Raises Specialised when a free axis has a number in `shapes`, one entry for each input."""
    for name, shape in zip(flat.input_names, shapes, strict=True):
        for axis, free in axes.get(name, {}).items():
            if isinstance(shape[axis], int):
                raise Specialised(axis, free, name, shape[axis])
