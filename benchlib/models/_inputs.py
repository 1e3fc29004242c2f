"""Inputs that the user gives: a `.npz` file, or a folder of ONNX test data (`input_0.pb`, …)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchlib import tensors
from benchlib.errors import UserError

_BY_ORDER = re.compile(r"(arr|input)_\d+")  # np.savez(path, a, b) and ONNX test data name by position


def read(path: str) -> dict[str, np.ndarray]:
    """The arrays of `path` by name, in order. Raises UserError."""
    place = Path(path).expanduser()
    if place.is_dir():
        return _test_data(place)
    if not place.is_file():
        raise UserError(f"inputs '{path}': there is no such file or folder (looked in {Path.cwd()})")
    try:
        with np.load(place, allow_pickle=False) as file:
            own = tensors.STRUCTURE in file.files
            return tensors.load(place)[0] if own else {name: file[name] for name in file.files}
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise UserError(f"inputs '{path}': not a readable .npz file ({error})") from error


def matched(given: dict[str, np.ndarray], names: Iterable[str], path: str) -> dict[str, np.ndarray]:
    """`given` in the order of the model's `names`: by name, or by position where the file has no names."""
    names = list(names)
    if set(names) <= set(given):
        return {name: given[name] for name in names}
    if len(given) == len(names) and all(_BY_ORDER.fullmatch(name) for name in given):
        return dict(zip(names, given.values(), strict=True))
    raise UserError(f"inputs '{path}' hold {', '.join(given) or 'nothing'}; the model takes {', '.join(names)}")


def _test_data(folder: Path) -> dict[str, np.ndarray]:
    import onnx
    from onnx import numpy_helper

    folder = folder / "test_data_set_0" if (folder / "test_data_set_0").is_dir() else folder
    files = sorted(folder.glob("input_*.pb"), key=lambda f: int(re.sub(r"\D", "", f.stem) or 0))
    if not files:
        raise UserError(f"inputs '{folder}': the folder holds no input_*.pb (ONNX test data)")
    given = {}
    for position, file in enumerate(files):
        try:
            proto = onnx.TensorProto.FromString(file.read_bytes())
            array = numpy_helper.to_array(proto)
        except Exception as error:
            raise UserError(f"inputs '{file}': not a tensor of ONNX test data ({error})") from error
        if proto.data_type == onnx.TensorProto.BFLOAT16:
            array = tensors.labelled(array.view(np.uint16), "bfloat16")
        given[proto.name or f"input_{position}"] = array
    if not all(given):
        given = {f"input_{i}": a for i, a in enumerate(given.values())}
    return given
