"""Nested inputs and outputs <-> flat named arrays <-> one file. numpy alone.

What a nesting may be, and how it is taken apart, says `benchlib.structures`; what arrays keep beside their values,
`benchlib.layouts`. bfloat16, which numpy does not have, travels as uint16 with its label.

The file is an ordinary `.npz`: one entry per leaf, named; `__structure__`, a JSON text from which the nesting and the
layouts are rebuilt; and `__objects__`, where the nesting holds objects, a pickle of what makes them again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import layouts
from benchlib.errors import UserError
from benchlib.layouts import Layout
from benchlib.structures import Structure, flatten, leaves_of, outline, plain, unflatten
from benchlib.typed_json import from_json, to_json

__all__ = [
    "Structure",
    "flatten",
    "leaves_of",
    "outline",
    "plain",
    "unflatten",
]  # of `benchlib.structures`, used from here

STRUCTURE, OBJECTS = "__structure__", "__objects__"
# What a model is called with: the parameters of its forward by name, in the order in which they are given -> arrays or
# tensors of any shape, or any nesting of them (the structures above).
Inputs = dict[str, Any]
# The leaves of a nesting by their flat names (`input_ids`, `states_0`, … ), in order -> arrays or tensors of any shape.
FlatTensors = dict[str, Any]
# The same on the host, each as `to_numpy` gives it.
FlatArrays = dict[str, np.ndarray]
_NO_TENSORS = "US"  # kinds of numpy's dtypes that torch lacks
_TEXTS = "UO"  # kinds of numpy's dtypes that hold texts: its own, and objects, which runtimes give back
THIN = 1 << 20  # elements above which `thinned` takes some
FEWEST_THINNED = 16  # positions and items that it leaves, unless these are too many still


class Labelled(np.ndarray):
    """An array whose `label` names a dtype that numpy lacks; its items are the raw bits."""

    label: str = ""

    def __array_finalize__(self, other):
        self.label = getattr(other, "label", "")


def dtype_of(array: Any) -> str:
    """The name of the dtype of an array or a tensor: `float32`, `bfloat16`, …; texts of any length are `string`."""
    if isinstance(array, np.ndarray) and array.dtype.kind in _TEXTS:
        return "string"
    return getattr(array, "label", "") or str(array.dtype).removeprefix("torch.")


def to_numpy(leaf: Any) -> np.ndarray:
    """A leaf as an array on the host; of a dtype that numpy lacks (bfloat16, those of eight bits) a `Labelled` array of
    its bits. Raises TypeError for one that has no such bits."""
    if not hasattr(leaf, "detach"):
        array = leaf if isinstance(leaf, np.ndarray) else np.asarray(leaf)
        if array.dtype.kind == "O":
            return array.astype("U")  # objects are texts: nothing else is a leaf
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    tensor = leaf.detach().cpu().resolve_conj().resolve_neg()
    name = dtype_of(tensor)
    if name == "bfloat16" or name.startswith("float8"):
        import torch  # a tensor is here, so torch is loaded already

        bits = tensor.view(torch.uint16 if name == "bfloat16" else torch.uint8).numpy()
        return labelled(bits, name)
    return tensor.numpy()


def labelled(bits: np.ndarray, label: str) -> np.ndarray:
    """`bits` of any shape as an array that stands for numbers of the dtype `label`, which numpy has not."""
    array = np.ascontiguousarray(bits).reshape(bits.shape).view(Labelled)  # a scalar keeps its shape
    array.label = label
    return array


def contiguous(array: np.ndarray) -> np.ndarray:
    """The array itself where it is contiguous, else a copy that is. A scalar keeps its shape, and bits their label."""
    if array.flags.c_contiguous:
        return array
    plain = np.ascontiguousarray(array).reshape(array.shape)
    return labelled(plain, label) if (label := getattr(array, "label", "")) else plain


def to_torch(leaf: Any) -> Any:
    """A leaf as a torch tensor, which shares the memory of a writable array; tensors as they are. Raises UserError for
    texts, of which torch has no tensors."""
    import torch

    if isinstance(leaf, torch.Tensor):
        return leaf
    array = np.asarray(leaf)
    array = array if array.flags.writeable else array.copy()
    if array.dtype.kind in _NO_TENSORS:
        raise UserError(f"an array of {array.dtype} cannot be given to torch, which has no tensors of texts")
    tensor = torch.from_numpy(array)  # numpy's uint16 is torch's uint16
    return tensor.view(getattr(torch, label)) if (label := getattr(leaf, "label", "")) else tensor


def apply(function: Callable[[Any], Any], nested: Any) -> Any:
    """The nesting with `function` applied to each leaf."""
    leaves, structure = flatten(nested)
    return unflatten(structure, {name: function(leaf) for name, leaf in leaves.items()})


def moved(move: Callable[[Any], Any], nested: Any) -> Any:
    """The nesting with its torch tensors elsewhere or in another dtype, with their strides and what they share."""
    leaves, structure = flatten(nested)
    return unflatten(structure, layouts.mover(leaves, move)(leaves))


def values(array: np.ndarray) -> np.ndarray:
    """The numbers of an array as numpy can compute with them: the bits of a bfloat16 become float32, and texts a number
    each, the same for the same text. Raises TypeError for the bits of another dtype."""
    if np.asarray(array).dtype.kind in _TEXTS:
        return np.vectorize(_number_of, otypes=[np.int64])(array)
    label = getattr(array, "label", "")
    if label not in ("", "bfloat16"):
        raise TypeError(f"numpy has no {label}")
    if not label:
        return np.asarray(array)
    return (np.asarray(array).astype(np.uint32) << 16).view(np.float32)


def _number_of(text: Any) -> int:
    return int.from_bytes(hashlib.sha256(str(text).encode()).digest()[:6])  # what float64 holds exactly


def as_pairs(leaf: Any) -> Any:
    """Complex numbers, an array or tensor of any shape, as pairs of their real and imaginary parts: a last axis of two
    more. So ONNX graphs have them, as torch exports these. Where it is contiguous, the pairs lie in the same memory.
    """
    if hasattr(leaf, "detach"):
        import torch

        return torch.view_as_real(leaf.resolve_conj())
    array = np.ascontiguousarray(leaf).reshape(leaf.shape)
    return array.reshape(-1).view(array.real.dtype).reshape(*array.shape, 2)


def from_pairs(leaf: Any) -> Any:
    """What `as_pairs` leaves, of shape (…, 2), as complex numbers again."""
    if hasattr(leaf, "detach"):
        import torch

        return torch.view_as_complex(leaf.contiguous())
    array = np.ascontiguousarray(leaf)
    return array.view(np.result_type(array.dtype, np.complex64)).reshape(array.shape[:-1])


def is_complex(leaf: Any) -> bool:
    """Whether the elements of an array or tensor are complex numbers."""
    return dtype_of(leaf).startswith("complex")


def thinned(leaf: Any) -> Any:
    """Of an array or tensor of more than `THIN` elements some of its items and positions, taken evenly, the last
    included. It keeps its axes, and channels and classes whole.

    Channels or classes are taken to be the last axis, and of four axes and more the second too; items are the first,
    positions what lies between. An array that has too many channels alone stays larger. Complex numbers are thinned as
    their pairs are, which a graph may give in their place.
    """
    if is_complex(leaf):
        return from_pairs(thinned(as_pairs(leaf)))
    size = int(np.prod(tuple(leaf.shape), dtype=np.int64))
    axes = leaf.ndim
    positions = range(1, axes - 1) if axes < 4 else range(2, axes - 1)
    for axis, fewest in (
        *((p, FEWEST_THINNED) for p in positions),
        (0, FEWEST_THINNED),
        *((p, 1) for p in (*positions, 0)),
    ):
        count = leaf.shape[axis] if axes else 1
        kept = max(min(count, fewest), count * THIN // max(size, 1))
        if size <= THIN or kept >= count:
            continue
        step = -(-count // kept)
        leaf = leaf[(*(slice(None),) * axis, slice((count - 1) % step, None, step))]
        size = size // count * leaf.shape[axis]
    return leaf


def thinned_leaves(leaves: FlatTensors) -> FlatTensors:
    """What `thinned` leaves of each."""
    return {name: thinned(leaf) for name, leaf in leaves.items()}


def apart(arrays: FlatArrays) -> FlatArrays:
    """The arrays contiguous, and none of which shares memory with another."""
    shared = layouts.layouts_of(arrays)
    return {name: contiguous(array.copy() if name in shared else array) for name, array in arrays.items()}


def as_given(structure: Structure, arrays: FlatArrays) -> Any:
    """The nesting as torch code was given it: its classes, and tensors over the memory of the arrays."""
    return unflatten(structure, layouts.as_tensors(arrays, to_torch))


def save_outputs(path: str | os.PathLike, outputs: Any) -> str:
    """The same of outputs, which nobody makes again: their leaves contiguous, objects as dicts."""
    leaves, structure = outline(outputs)
    return save_flat(path, {name: contiguous(to_numpy(leaf)) for name, leaf in leaves.items()}, structure)


def save(path: str | os.PathLike, nested: Any) -> str:
    """Writes `nested` to an `.npz` file, atomically, and returns the hash of its contents."""
    leaves, structure = flatten(nested)
    return save_flat(path, leaves, structure)


def save_flat(path: str | os.PathLike, leaves: FlatTensors, structure: Structure) -> str:
    """The same of leaves that were taken apart already."""
    arrays = {name: to_numpy(leaf) for name, leaf in leaves.items()}
    labels = {name: label for name, array in arrays.items() if (label := getattr(array, "label", ""))}
    held = {name: to_json(layout) for name, layout in layouts.layouts_of(leaves).items()}
    head = json.dumps({"structure": structure.tree, "labels": labels, **({"layouts": held} if held else {})})
    objects = structure.dumped()
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        stored = {STRUCTURE: np.array(head), **{n: np.asarray(a) for n, a in arrays.items()}}
        if objects:
            stored[OBJECTS] = np.frombuffer(objects, np.uint8)
        np.savez(file, **stored)  # type: ignore[arg-type]  # a name could be that of savez's own flag
    os.replace(temporary, path)
    return content_hash(arrays)


def load(path: str | os.PathLike) -> tuple[FlatArrays, Structure]:
    """The arrays of a file by name, as they lay in memory, and the structure that `unflatten` takes."""
    with np.load(path, allow_pickle=False) as file:
        head = json.loads(str(file[STRUCTURE]))
        objects = file[OBJECTS].tobytes() if OBJECTS in file.files else b""
        arrays = {name: file[name] for name in file.files if name not in (STRUCTURE, OBJECTS)}
    for name, label in head["labels"].items():
        arrays[name] = labelled(arrays[name], label)
    held = {name: from_json(Layout, layout) for name, layout in head.get("layouts", {}).items()}
    return layouts.placed(arrays, held), Structure(head["structure"], pickled=objects)


def content_hash(arrays: FlatTensors) -> str:
    """sha256 over names, dtypes, shapes and bytes, in order; 16 hexadecimal digits of it."""
    digest = hashlib.sha256()
    for name, leaf in arrays.items():
        array = to_numpy(leaf)
        digest.update(f"{name}|{dtype_of(array)}|{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()[:16]


def count(nested: Any) -> int:
    """The number of elements in all leaves; a number among the constants is one element."""
    leaves, structure = flatten(nested)
    return sum(int(np.prod(tuple(leaf.shape), dtype=np.int64)) for leaf in leaves.values()) + len(structure.numbers())
