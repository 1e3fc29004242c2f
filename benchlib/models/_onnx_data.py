"""What is given with an ONNX file: inputs, and outputs that count as right for them.

A folder of ONNX test data holds `input_0.pb`, `output_0.pb`, … in the graph's order (a TensorProto, SequenceProto or
OptionalProto each), or such folders called `test_data_set_0`, …, of which those after the first are further sets. An
`.npz` holds inputs, and outputs if any, by the graph's names (the tensors of a sequence `x` as `x_0`, `x_1`, …), or
by position: `input_0`, `output_0`, or `arr_0` of inputs alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.errors import UserError
from benchlib.models import _input_sets, _inputs
from benchlib.models._onnx_graph import Values, words
from benchlib.tensors import FlatArrays, Inputs


@dataclass(frozen=True)
class Given:
    """One set of inputs by name, and the outputs for them in the graph's order; None where there are none."""

    inputs: Inputs
    outputs: list[Any] | None


def given(path: str, inputs: Values, outputs: Values) -> list[Given]:
    """The sets of `path`: the first one, and those after it whose inputs have its shapes, as many as take turns. Raises
    UserError."""
    place = Path(path).expanduser()
    folders = _inputs.data_sets(place)
    if not place.is_dir():
        return [_from_arrays(_inputs.read(path), inputs, outputs, path)]
    sets = [_from_folder(folder, inputs, outputs) for folder in folders[: _input_sets.TIMED]]
    return [sets[0], *(more for more in sets[1:] if _shapes(more.inputs) == _shapes(sets[0].inputs))]


def check(path: str, given: Inputs, wanted: Values) -> None:
    """Raises UserError for a given tensor of another dtype or shape than the graph declares."""
    for name, value in wanted.items():
        if value.nesting:
            continue
        dtype, shape, dims = tensors.dtype_of(given[name]), given[name].shape, value.dims
        fits = dims is None or (
            len(dims) == len(shape) and all(isinstance(d, str) or d == n for d, n in zip(dims, shape, strict=True))
        )
        if not fits or dtype != _dtype(value.kind):
            raise UserError(f"inputs '{path}': {name} is {value} in the graph, not {dtype}{words(shape)}")


def shapes_of(given: Inputs) -> dict[str, list[int]]:
    """The sizes of the tensors among given inputs; what is nested has none."""
    return {name: [*value.shape] for name, value in given.items() if hasattr(value, "shape")}


def _dtype(kind: str) -> str:
    from onnx import TensorProto, helper

    return "string" if kind == "STRING" else helper.tensor_dtype_to_np_dtype(TensorProto.DataType.Value(kind)).name


def _from_folder(folder: Path, inputs: Values, outputs: Values) -> Given:
    found = _values(folder, "input", inputs)
    if not found:
        raise UserError(f"inputs '{folder}': the folder holds no input_*.pb (ONNX test data)")
    feed = {name: value for name, value in found.items() if name in inputs}
    for name, value in inputs.items():
        if value.nesting[:1] == ("optional",):
            feed.setdefault(name, None)
    right = _values(folder, "output", outputs)
    return Given(
        _all_of(feed, found, inputs, "takes", folder),
        list(_all_of(right, right, outputs, "gives", folder).values()) if right else None,
    )


def _values(folder: Path, word: str, wanted: Values) -> Inputs:
    """The values of files called by `word`, by their own names where the graph knows these, else by position."""
    files = _inputs.numbered(folder, word)
    names = list(wanted)
    found: list[tuple[str, Any]] = []
    for position, file in enumerate(files):
        kind = wanted[names[position]] if position < len(names) else None
        found.append(_value(file, kind.nesting if kind else ()))
    called = [name for name, _ in found]
    if len(set(called)) != len(called) or not set(called) <= set(wanted):
        called = [names[i] if i < len(names) else f"{word}_{i}" for i in range(len(found))]
    return {name: value for name, (_, value) in zip(called, found, strict=True)}


def _value(file: Path, nesting: tuple[str, ...]) -> tuple[str, Any]:
    """The name that a file gives its value, and the value."""
    import onnx
    from onnx import numpy_helper

    if not nesting:
        return _inputs.tensor(file)
    read = {
        "sequence": (onnx.SequenceProto, numpy_helper.to_list),
        "optional": (onnx.OptionalProto, numpy_helper.to_optional),
    }
    proto, made = read[nesting[0]]
    try:
        parsed = proto.FromString(file.read_bytes())
        return parsed.name, tensors.apply(_inputs.plain, made(parsed))
    except Exception as error:
        raise UserError(f"inputs '{file}': not {' of '.join(nesting)} in ONNX test data ({error})") from error


def _from_arrays(arrays: FlatArrays, inputs: Values, outputs: Values, path: str) -> Given:
    called = _called(arrays, inputs)
    feed = called if called is not None else _by_position(arrays, inputs, ("input", "arr"))
    rest = {name: array for name, array in arrays.items() if name not in inputs}
    right = _called(rest, outputs) or _by_position(rest, outputs, ("output", "expected"))
    return Given(
        _all_of(feed or {}, arrays, inputs, "takes", path),
        list(_all_of(right, right, outputs, "gives", path).values()) if right else None,
    )


def _called(arrays: FlatArrays, wanted: Values) -> Inputs | None:
    """The values that a file has by the graph's names; None where one is missing."""
    found: Inputs = {}
    for name, value in wanted.items():
        if name in arrays:
            found[name] = arrays[name]
        elif "sequence" in value.nesting and f"{name}_0" in arrays:
            found[name] = [arrays[key] for key in sorted(_parts(name, arrays), key=_number)]
        elif value.nesting[:1] == ("optional",):
            found[name] = None
        else:
            return None
    return found if any(value is not None for value in found.values()) else None


def _parts(name: str, arrays: FlatArrays) -> list[str]:
    return [key for key in arrays if re.fullmatch(rf"{re.escape(name)}_\d+", key)]


def _by_position(arrays: FlatArrays, wanted: Values, prefixes: tuple[str, ...]) -> Inputs:
    keys = [key for key in arrays if re.fullmatch(rf"({'|'.join(prefixes)})_\d+", key)]
    if len(keys) != len(wanted):
        return {}
    return dict(zip(wanted, (arrays[key] for key in sorted(keys, key=_number)), strict=True))


def _number(key: str) -> int:
    return int(key.rpartition("_")[2])


def _all_of(found: Inputs, held: Inputs, wanted: Values, does: str, path: Any) -> Inputs:
    if set(found) != set(wanted):
        raise UserError(f"inputs '{path}' hold {', '.join(held) or 'nothing'}; the model {does} {', '.join(wanted)}")
    return {name: found[name] for name in wanted}


def _shapes(inputs: Inputs) -> list[tuple]:
    return [(name, tensors.dtype_of(leaf), leaf.shape) for name, leaf in tensors.flatten(inputs)[0].items()]
