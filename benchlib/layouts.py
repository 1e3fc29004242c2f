"""Where arrays and tensors lie in memory beside their values: strides, and storage that several of them share.

An array that is contiguous and alone in its storage needs no word. Of all others the layout is kept, so that inputs in
channels_last, expanded ones, every second column of a table, and two views of one storage are read again as they were
given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_CHANNELS_LAST = {4: "channels_last", 5: "channels_last_3d"}  # torch's words, by the number of axes


@dataclass(frozen=True)
class Layout:
    """Where one array lies: the number of its storage, and in bytes where it begins there and its strides, which belong
    to its shape."""

    storage: int
    offset: int
    strides: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def end(self) -> int:
        """The byte of the storage behind its last one but for the item's own size."""
        return self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))


def layouts_of(leaves: Mapping[str, Any]) -> dict[str, Layout]:
    """The layouts of those arrays and tensors, by name, that are not simply contiguous and alone in their storage."""
    memory = {name: _memory(leaf) for name, leaf in leaves.items()}
    held = {name: own for name, own in memory.items() if own is not None and 0 not in own.shape}
    by_storage: dict[tuple[int, str], list[str]] = {}
    for name, own in held.items():
        by_storage.setdefault(own.storage, []).append(name)
    found: dict[str, Layout] = {}
    for names in by_storage.values():
        if len(names) == 1 and _is_contiguous(held[names[0]]):
            continue
        begin = min(held[name].address for name in names)
        number = len({layout.storage for layout in found.values()})
        for name in names:
            own = held[name]
            found[name] = Layout(number, own.address - begin, own.strides, own.shape)
    return found


def placed(arrays: Mapping[str, np.ndarray], layouts: Mapping[str, Layout]) -> dict[str, np.ndarray]:
    """The arrays with their values laid out so. What several share holds the values of the last of them. An array of
    another shape than its layout's is alone, with its axes in the same order in memory."""
    fitting = {n for n, own in layouts.items() if n in arrays and arrays[n].shape == own.shape}
    storages: dict[int, np.ndarray] = {}
    for number in {layouts[name].storage for name in fitting}:
        here = [name for name in fitting if layouts[name].storage == number]
        size = max(layouts[name].end + arrays[name].itemsize for name in here)
        storages[number] = np.zeros(size, np.uint8)
    found = {}
    for name, array in arrays.items():
        if name in fitting:
            own = layouts[name]
            view = np.ndarray(array.shape, array.dtype, storages[own.storage], own.offset, own.strides)
        elif name in layouts:
            view = _in_order(array, layouts[name].strides)
        else:
            found[name] = array
            continue
        view[...] = np.asarray(array)
        found[name] = _with_label(view, array)
    return found


def order_words(array: Any) -> str:
    """`channels_last`, or the strides in elements, of an array or tensor that is not contiguous; else empty."""
    own = _memory(array)
    if own is None or 0 in own.shape or _is_contiguous(own):
        return ""
    axes = range(2, len(own.shape))
    if len(own.shape) in _CHANNELS_LAST and _same(
        own.strides, _dense(own.shape, (0, *axes, 1), own.itemsize), own.shape
    ):
        return _CHANNELS_LAST[len(own.shape)]
    return f"strides {'×'.join(str(stride // own.itemsize) for stride in own.strides)}"


def as_tensors(arrays: Mapping[str, np.ndarray], to_torch: Callable[[Any], Any]) -> dict[str, Any]:
    """Torch tensors over the memory of arrays, by `to_torch` each. What shares a storage does so in torch too, and two
    names of the very same memory are one tensor."""
    import torch

    layouts = layouts_of(arrays)
    shared = {name: own for name, own in layouts.items() if _shares(own, layouts)}
    storages: dict[int, Any] = {}
    made: dict[tuple[Layout, Any], Any] = {}
    found = {}
    for name, array in arrays.items():
        tensor = to_torch(array)
        if name in shared:
            own = shared[name]
            if own.storage not in storages:
                storages[own.storage] = torch.from_numpy(_root(array)).untyped_storage()
            tensor = made.setdefault((own, tensor.dtype), _viewed(tensor, storages[own.storage], own))
        found[name] = tensor
    return found


def mover(leaves: Mapping[str, Any], move: Callable[[Any], Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """What takes tensors that lie as `leaves` do elsewhere by `move`, to a device or into a dtype, with their strides
    and what they share. Where all are simple, or only have their axes in another order, which `move` keeps, that is
    `move` alone."""
    layouts = layouts_of(leaves)
    own = {
        n: o
        for n, o in layouts.items()
        if (_shares(o, layouts) or not _is_permuted(o, leaves[n].element_size())) and not _read_as(leaves[n])
    }
    storages = [{n: o for n, o in own.items() if o.storage == number} for number in {o.storage for o in own.values()}]

    def moved(given: Mapping[str, Any]) -> dict[str, Any]:
        held = {n: t for here in storages for n, t in _moved_together(given, here, move).items()}
        return {n: held[n] if n in held else move(tensor) for n, tensor in given.items()}

    return moved


def _moved_together(given: Mapping[str, Any], here: Mapping[str, Layout], move: Callable[[Any], Any]) -> dict[str, Any]:
    """The tensors of one storage, whose memory is moved as a whole: as numbers, or where they are of several dtypes as
    bytes, of which each is moved again."""
    import torch

    name, first = next(iter(here.items()))
    dtypes, width = {given[n].dtype for n in here}, given[name].element_size()
    alike = len(dtypes) == 1 and all(own.offset % width == 0 for own in here.values())
    dtype, unit = (given[name].dtype, width) if alike else (torch.uint8, 1)
    begin = given[name].data_ptr() - first.offset - given[name].untyped_storage().data_ptr()
    end = max(own.end + given[n].element_size() for n, own in here.items())
    whole = torch.empty(0, dtype=dtype, device=given[name].device)
    whole = move(whole.set_(given[name].untyped_storage(), begin // unit, (end // unit,), (1,)))
    if not alike:
        views = {n: _viewed(given[n], whole.untyped_storage(), own) for n, own in here.items()}
        return {n: view if move(view[..., :0]).dtype == view.dtype else move(view) for n, view in views.items()}
    return {
        n: whole.as_strided(own.shape, [stride // width for stride in own.strides], own.offset // width)
        for n, own in here.items()
    }


def _viewed(tensor: Any, storage: Any, own: Layout) -> Any:
    """A tensor of a dtype and layout in a storage."""
    import torch

    size = tensor.element_size()
    strides = [stride // size for stride in own.strides]
    made = torch.empty(0, dtype=tensor.dtype, device=storage.device)
    return made.set_(storage, own.offset // size, own.shape, strides)


def _shares(own: Layout, layouts: Mapping[str, Layout]) -> bool:
    return sum(other.storage == own.storage for other in layouts.values()) > 1


def _is_permuted(own: Layout, itemsize: int) -> bool:
    """Whether the axes lie densely in memory, in some order."""
    order = sorted(range(len(own.shape)), key=lambda axis: (-own.strides[axis], -own.shape[axis]))
    return _same(own.strides, _dense(own.shape, order, itemsize), own.shape)


@dataclass(frozen=True)
class _Memory:
    storage: tuple[int, str]  # its address, and how its numbers are read: conjugate, negative
    address: int
    strides: tuple[int, ...]  # bytes
    shape: tuple[int, ...]
    itemsize: int


def _memory(leaf: Any) -> _Memory | None:
    """Where a leaf lies; None of what lies nowhere, or backwards."""
    if isinstance(leaf, np.ndarray):
        root = _root(leaf)
        strides = tuple(leaf.strides)
        if min(strides, default=0) < 0 or leaf.dtype.hasobject:
            return None
        begin = root.__array_interface__["data"][0]
        return _Memory((begin, ""), leaf.__array_interface__["data"][0], strides, leaf.shape, leaf.itemsize)
    if not hasattr(leaf, "untyped_storage") or leaf.device.type == "meta":
        return None
    size = leaf.element_size()
    strides = tuple(stride * size for stride in leaf.stride())
    storage = (leaf.untyped_storage().data_ptr(), _read_as(leaf))
    return _Memory(storage, leaf.data_ptr(), strides, tuple(leaf.shape), size)


def _read_as(leaf: Any) -> str:
    """How torch reads the numbers of a tensor that it has not computed yet: a view holds others than its storage."""
    return "conjugate" * leaf.is_conj() + "negative" * leaf.is_neg()


def _root(array: np.ndarray) -> np.ndarray:
    """The array whose memory this one is a view of."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    return root


def _is_contiguous(own: _Memory) -> bool:
    return _same(own.strides, _dense(own.shape, range(len(own.shape)), own.itemsize), own.shape)


def _same(strides: tuple[int, ...], others: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether strides mean the same: that of an axis of one says nothing."""
    return all(size == 1 or one == other for one, other, size in zip(strides, others, shape, strict=True))


def _dense(shape: tuple[int, ...], order: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """The strides of a shape whose axes lie in memory in this order, the last one closest."""
    strides, step = [0] * len(shape), itemsize
    for axis in reversed(order):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return tuple(strides)


def _in_order(array: np.ndarray, strides: tuple[int, ...]) -> np.ndarray:
    """Memory for an array whose axes lie in the order of these strides; those of none stay so."""
    order = sorted(range(array.ndim), key=lambda axis: -strides[axis])
    shape = tuple(1 if strides[axis] == 0 else array.shape[axis] for axis in order)
    base = np.zeros(shape, array.dtype).transpose(np.argsort(order))
    return np.lib.stride_tricks.as_strided(
        base, array.shape, tuple(0 if s == 0 else own for s, own in zip(strides, base.strides, strict=True))
    )


def _with_label(view: np.ndarray, array: np.ndarray) -> np.ndarray:
    """The view as an array of the same class, which may say that its items are the bits of another dtype."""
    labelled = view.view(type(array))
    labelled.__array_finalize__(array)
    return labelled
