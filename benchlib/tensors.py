"""Nested inputs and outputs <-> flat named arrays <-> one file. numpy alone.

A structure is any nesting of mappings, sequences, named tuples and dataclasses whose leaves are arrays or
torch tensors; numbers, strings and None are kept as constants of the structure. A cache of transformers counts as
the dict of its parts, which it comes back as. bfloat16, which numpy does not have, travels as uint16 with its label.

The file is an ordinary `.npz`: one entry per leaf, named, and `__structure__`, a JSON text from which the
nesting is rebuilt.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

STRUCTURE = "__structure__"
# What a model is called with: the parameters of its forward by name, in the order in which they are given -> arrays or
# tensors of any shape, or any nesting of them (the structures above).
Inputs = dict[str, Any]
# The leaves of a nesting by their flat names (`input_ids`, `states_0`, … ), in order -> arrays or tensors of any shape.
FlatTensors = dict[str, Any]
# The same on the host, each as `to_numpy` gives it.
FlatArrays = dict[str, np.ndarray]
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
    """A leaf as an array on the host; bfloat16 becomes a `Labelled` array of its bits."""
    if not hasattr(leaf, "detach"):
        array = leaf if isinstance(leaf, np.ndarray) else np.asarray(leaf)
        return array.astype("U") if array.dtype.kind == "O" else array  # objects are texts: nothing else is an array
    tensor = leaf.detach().cpu().resolve_conj().resolve_neg()
    if dtype_of(tensor) == "bfloat16":
        import torch  # a tensor is here, so torch is loaded already

        bits = tensor.view(torch.int16).numpy().view(np.uint16)
        return labelled(bits, "bfloat16")
    return tensor.numpy()


def labelled(bits: np.ndarray, label: str) -> np.ndarray:
    """`bits` of any shape as an array that stands for numbers of the dtype `label`, which numpy has not."""
    array = np.ascontiguousarray(bits).reshape(bits.shape).view(Labelled)  # a scalar keeps its shape
    array.label = label
    return array


def to_torch(leaf: Any) -> Any:
    """A leaf as a torch tensor, which shares the memory of a writable array; tensors as they are."""
    import torch

    if isinstance(leaf, torch.Tensor):
        return leaf
    array = np.asarray(leaf)
    array = array if array.flags.writeable else array.copy()
    tensor = torch.from_numpy(array)  # numpy's uint16 is torch's uint16
    return tensor.view(torch.bfloat16) if dtype_of(leaf) == "bfloat16" else tensor


def apply(function: Callable[[Any], Any], nested: Any) -> Any:
    """The nesting with `function` applied to each leaf."""
    leaves, structure = flatten(nested)
    return unflatten(structure, {name: function(leaf) for name, leaf in leaves.items()})


def values(array: np.ndarray) -> np.ndarray:
    """The numbers of an array as numpy can compute with them: the bits of a bfloat16 become float32, and texts a number
    each, the same for the same text."""
    if np.asarray(array).dtype.kind in _TEXTS:
        return np.vectorize(_number_of, otypes=[np.int64])(array)
    if dtype_of(array) != "bfloat16":
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


def flatten(nested: Any) -> tuple[FlatTensors, Any]:
    """The leaves of `nested` by name, in order, and the structure to put them back (`unflatten`)."""
    leaves: FlatTensors = {}
    structure = _flatten(nested, (), leaves)
    return leaves, structure


def unflatten(structure: Any, leaves: FlatTensors) -> Any:
    """The nesting again; dataclasses and other mappings come back as dicts, all sequences by their kind."""
    kind, content = structure
    if kind == "leaf":
        return leaves[content]
    if kind == "constant":
        return content
    if kind == "dict":
        return {key: unflatten(item, leaves) for key, item in content}
    items = [unflatten(item, leaves) for item in content]
    return tuple(items) if kind == "tuple" else items


def save(path: str | os.PathLike, nested: Any) -> str:
    """Writes `nested` to an `.npz` file, atomically, and returns the hash of its contents."""
    leaves, structure = flatten(nested)
    arrays = {name: to_numpy(leaf) for name, leaf in leaves.items()}
    labels = {name: label for name, array in arrays.items() if (label := getattr(array, "label", ""))}
    head = json.dumps({"structure": structure, "labels": labels})
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        stored = {STRUCTURE: np.array(head), **{n: np.asarray(a) for n, a in arrays.items()}}
        np.savez(file, **stored)  # type: ignore[arg-type]  # a name could be that of savez's own flag
    os.replace(temporary, path)
    return content_hash(arrays)


def load(path: str | os.PathLike) -> tuple[FlatArrays, Any]:
    """The arrays of a file by name and the structure that `unflatten` takes."""
    with np.load(path, allow_pickle=False) as file:
        head = json.loads(str(file[STRUCTURE]))
        arrays = {name: file[name] for name in file.files if name != STRUCTURE}
    for name, label in head["labels"].items():
        arrays[name] = labelled(arrays[name], label)
    return arrays, head["structure"]


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
    return sum(int(np.prod(tuple(leaf.shape), dtype=np.int64)) for leaf in leaves.values()) + _constants(structure)


def _constants(structure: Any) -> int:
    kind, content = structure
    if kind == "constant":
        return int(isinstance(content, (int, float)))
    if kind == "leaf":
        return 0
    return sum(_constants(item[1] if kind == "dict" else item) for item in content)


def _flatten(item: Any, path: tuple[str, ...], leaves: FlatTensors) -> Any:
    # Kinds stand in tuples here: dynamo, which traces this in exported models, knows no `type | type`.
    if isinstance(item, (np.ndarray, np.generic)) or (hasattr(item, "dtype") and hasattr(item, "shape")):
        name = _name(path, leaves)
        leaves[name] = item
        return ["leaf", name]
    item = _parts_of_a_cache(item)
    if dataclasses.is_dataclass(item) and not isinstance(item, (type, Mapping)):
        item = {f.name: getattr(item, f.name) for f in dataclasses.fields(item)}
    if isinstance(item, Mapping):
        return ["dict", [[key, _flatten(value, (*path, str(key)), leaves)] for key, value in item.items()]]
    if isinstance(item, (list, tuple)):
        kind = "tuple" if isinstance(item, tuple) else "list"
        return [kind, [_flatten(value, (*path, str(i)), leaves) for i, value in enumerate(item)]]
    if item is None or isinstance(item, (bool, int, float, str)):
        return ["constant", item]
    raise TypeError(f"{'.'.join(path) or 'the value'} is a {type(item).__name__}, no array and no nesting of arrays")


def _parts_of_a_cache(item: Any) -> Any:
    """The tensors of a cache of transformers (`Cache.layers`, `EncoderDecoderCache`), known by its parts, so that the
    package need not be there; anything else as it is. A layer that has seen nothing holds None."""
    if hasattr(item, "self_attention_cache"):
        return {"self": item.self_attention_cache, "cross": item.cross_attention_cache}
    layers = getattr(item, "layers", None)
    if isinstance(layers, list) and all(hasattr(layer, "keys") and hasattr(layer, "values") for layer in layers):
        return [{"keys": layer.keys, "values": layer.values} for layer in layers]
    return item


def _name(path: tuple[str, ...], taken: FlatTensors) -> str:
    """`input_ids`, `states_0`, … : an identifier that is also a good name for a graph's input."""
    text = "_".join(path) or "x"
    name = "".join(c if c.isalnum() else "_" for c in text)
    if name[0].isdigit():
        name = f"x_{name}" if len(path) == 1 else f"x{name}"
    unique, n = name, 2
    while unique in taken:
        unique, n = f"{name}_{n}", n + 1
    return unique
