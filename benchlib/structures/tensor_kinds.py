"""Which tensors are leaves, and what those are made of that are none: sparse, nested, of a class of their own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchlib.structures.builders import AsFlattened, AsItIs, AsNested, AsSparse, AsSubclass, Builder

# Items of arrays that no tensor has: records, dates, spans of time, and floats of more than 64 bits.
_NO_NUMBERS = (np.void, np.datetime64, np.timedelta64, np.longdouble, np.clongdouble)


def is_tracing() -> bool:
    """Whether torch traces this call."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_compiling()


def is_leaf(item: Any) -> bool:
    """Whether this is an array of numbers or texts, or a tensor that is dense and of torch's own class; while torch
    traces, any tensor."""
    if isinstance(item, (np.ndarray, np.generic)):
        return item.dtype.type not in _NO_NUMBERS and (item.dtype.kind != "O" or _holds_texts(item))
    return _is_array(item) and not is_special(item)


def _holds_texts(items: Any) -> bool:
    """Whether objects are texts, as runtimes give them back."""
    return all(isinstance(item, (str, bytes)) for item in np.asarray(items).flat)


def is_tensor(item: Any) -> bool:
    """Whether this is a tensor of torch's, of any class."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(item, torch.Tensor)


def _is_array(item: Any) -> bool:
    if is_tensor(item):  # nested ones raise when they are asked for their shape
        return True
    # What has both names may be anything that describes a tensor; another library's array gives itself to numpy.
    return hasattr(item, "dtype") and hasattr(item, "shape") and hasattr(type(item), "__array__")


def is_special(item: Any) -> bool:
    """Whether a tensor is more than its numbers."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(item, torch.Tensor) or is_tracing():
        return False
    if type(item) is torch.Tensor or type(item) is torch.nn.Parameter:
        return item.layout != torch.strided or item.is_quantized or item.is_nested
    return not isinstance(item, (torch._subclasses.FakeTensor, torch._subclasses.functional_tensor.FunctionalTensor))


def special_parts(item: Any) -> tuple[Mapping[str, Any], Builder]:
    """The dense tensors that a special one is made of, and what makes it of them; none where it is pickled whole."""
    import torch

    if item.layout == torch.sparse_coo:
        parts = {"indices": item._indices(), "values": item._values()}
        return parts, AsSparse(item.layout, tuple(item.shape), item.is_coalesced())
    if item.layout in (torch.sparse_csr, torch.sparse_bsr):
        parts = {"crow_indices": item.crow_indices(), "col_indices": item.col_indices(), "values": item.values()}
        return parts, AsSparse(item.layout, tuple(item.shape))
    if item.layout in (torch.sparse_csc, torch.sparse_bsc):
        parts = {"ccol_indices": item.ccol_indices(), "row_indices": item.row_indices(), "values": item.values()}
        return parts, AsSparse(item.layout, tuple(item.shape))
    if item.layout == torch.jagged:
        parts = {"values": item.values(), "offsets": item.offsets(), "lengths": item.lengths()}
        return {name: part for name, part in parts.items() if part is not None}, AsNested(item._ragged_idx)
    if item.is_nested:
        return {str(i): part for i, part in enumerate(item.unbind())}, AsNested()
    if hasattr(item, "__tensor_flatten__"):
        names, context = item.__tensor_flatten__()
        builder = AsFlattened(type(item), context, tuple(item.shape), tuple(item.stride()))
        return {name: getattr(item, name) for name in names}, builder
    if type(item) is torch.Tensor or item.layout != torch.strided or item.is_quantized:
        return {}, AsItIs(item)
    with torch._C.DisableTorchFunctionSubclass():
        plain = item.as_subclass(torch.Tensor)
    return {"": plain}, AsSubclass(type(item), dict(vars(item)))
