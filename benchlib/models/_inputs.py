"""Inputs that the user gives: a `.npz` file, or a folder of ONNX test data (`input_0.pb`, …)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.errors import UserError
from benchlib.files import digest_of
from benchlib.tensors import FlatArrays

_BY_ORDER = re.compile(r"(arr|input)_\d+")  # np.savez(path, a, b) and ONNX test data name by position


def read(path: str) -> FlatArrays:
    """The arrays of `path` by name, in order. Raises UserError."""
    place = _place(path)
    if place.is_dir():
        return _test_data(place)
    try:
        with np.load(place, allow_pickle=False) as file:  # what is no archive, a lone array, is no context either
            own = tensors.STRUCTURE in file.files
            return tensors.load(place)[0] if own else {name: file[name] for name in file.files}
    except Exception as error:  # whatever numpy and zipfile meet in a file that is none, or is cut off
        raise UserError(f"inputs '{path}': not a readable .npz file ({error})") from error


def matched(given: FlatArrays, names: Iterable[str], path: str) -> FlatArrays:
    """`given` in the order of the model's `names`: by name, or by position where the file has no names."""
    names = list(names)
    if set(names) <= set(given):
        return {name: given[name] for name in names}
    if len(given) == len(names) and all(_BY_ORDER.fullmatch(name) for name in given):
        return dict(zip(names, given.values(), strict=True))
    raise UserError(f"inputs '{path}' hold {', '.join(given) or 'nothing'}; the model takes {', '.join(names)}")


def identity(path: str) -> dict[str, str]:
    """The sha256 of each file that `path` is or holds; it changes when what is given does. Raises UserError."""
    place = _place(path)
    files = [file for file in (sorted(place.rglob("*")) if place.is_dir() else [place]) if file.is_file()]
    return {str(file.relative_to(place.parent)): digest_of(file) for file in files}


def _place(path: str) -> Path:
    place = Path(path).expanduser()
    if not (place.is_dir() or place.is_file()):
        raise UserError(f"inputs '{path}': there is no such file or folder (looked in {Path.cwd()})")
    return place


def data_sets(folder: Path) -> list[Path]:
    """The folders of ONNX test data in `folder`, in the order of their numbers; itself where it holds none."""
    found = [f for f in folder.glob("test_data_set_*") if f.is_dir()]
    return sorted(found, key=_number) or [folder]


def numbered(folder: Path, word: str) -> list[Path]:
    """`input_0.pb`, `input_1.pb`, … in the order of their numbers."""
    return sorted(folder.glob(f"{word}_*.pb"), key=_number)


def tensor(file: Path) -> tuple[str, np.ndarray]:
    """The name and the array of a tensor of ONNX test data. Raises UserError."""
    import onnx
    from onnx import numpy_helper

    try:
        proto = onnx.TensorProto.FromString(file.read_bytes())
        return proto.name, plain(numpy_helper.to_array(proto, str(file.parent)))
    except Exception as error:
        raise UserError(f"inputs '{file}': not a tensor of ONNX test data ({error})") from error


def plain(array: Any) -> np.ndarray:
    """An array of onnx's as the others here: bfloat16 labelled, texts as numpy's own."""
    array = np.asarray(array)
    if array.dtype.name == "bfloat16":
        return tensors.labelled(array.view(np.uint16), "bfloat16")
    return tensors.to_numpy(array)


def _test_data(folder: Path) -> FlatArrays:
    folder = data_sets(folder)[0]
    files = numbered(folder, "input")
    if not files:
        raise UserError(f"inputs '{folder}': the folder holds no input_*.pb (ONNX test data)")
    found = [tensor(file) for file in files]
    if not all(name for name, _ in found):
        found = [(f"input_{i}", array) for i, (_, array) in enumerate(found)]
    return dict(found)


def _number(file: Path) -> int:
    return int(re.sub(r"\D", "", file.stem) or 0)
