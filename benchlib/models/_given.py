"""A module that was given as an object, with the inputs of its call: what of both is kept, and what is told instead.

    model.pt (`_saved`), inputs.npz (`benchlib.tensors`), meta.json (`StoredModule`)

Kept are the dtype of every part, a mix of training and evaluation, the inputs' classes, strides and shared memory. What
cannot be kept is said in `StoredModule.told`, which the record repeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.dtypes import DTYPES, MIXED
from benchlib.errors import UserError
from benchlib.layouts import layouts_of
from benchlib.models import _content, _saved
from benchlib.models._facts import class_name, is_all_training
from benchlib.models._in_force import in_force
from benchlib.models._saved import META, StoredModule
from benchlib.tensors import FlatTensors, Inputs

_WRAPPERS = {  # the class of what stands before a module -> where it holds it, and what is said of it
    "OptimizedModule": ("_orig_mod", "compiled by torch.compile"),
    "DataParallel": ("module", "wrapped in DataParallel"),
    "DistributedDataParallel": ("module", "wrapped in DistributedDataParallel"),
}
_NAMED = 4  # parts that are named, at most


@dataclass(frozen=True)
class Origin:
    """What is known of a given module besides itself.

    Attributes:
        weights: what its weights are.
        paths: the folders from which its code is imported.
        told: what the record is to say of it.
    """

    weights: str
    paths: Sequence[str]
    told: Sequence[str] = ()


def save(
    folder: Path,
    module: Any,
    inputs: Inputs,
    positional: Sequence[str],
    origin: Origin,
) -> None:
    """Writes a module and its inputs into a folder. Raises UserError, a line, for what cannot be stored."""
    module, told = unwrapped(module)
    if found := in_force(module):
        raise UserError(
            f"{class_name(module)} is given {', '.join(found)}: that does not come along, and would be another model; "
            "do it inside of forward"
        )
    leaves, structure = taken_apart(inputs)
    told += origin.told
    told += shared_with_weights(module, leaves)
    told += [f"the input {name} was an array of numpy: it is a tensor here" for name in arrays_of_numpy(leaves)]
    _saved.save(module, folder / "model.pt")
    tensors.save_flat(folder / "inputs.npz", leaves, structure)
    StoredModule(
        positional=list(positional),
        weights=origin.weights,
        paths=list(origin.paths),
        class_name=class_name(module),
        dtype=own_dtype(module, leaves),
        told=told,
    ).write(folder / META)


def content_of(
    module: Any, inputs: Inputs, positional: Sequence[str], as_written: _content.Original = _content.as_it_is
) -> _content.Content:
    """The content of what `save` keeps, and of what is told of it; where inputs lie in memory that cannot be stored
    says nothing."""
    inner, told = unwrapped(module)
    try:
        lie = sorted(layouts_of(tensors.leaves_of(inputs)).items())
    except UserError:
        lie = []
    said = [*told, *in_force(inner)]
    return _content.content_of(inner, inputs, list(positional), said, str(lie), as_written=as_written)


def taken_apart(inputs: Inputs) -> tuple[FlatTensors, tensors.Structure]:
    """The inputs by flat names, and their structure. Raises UserError for tensors that no file holds."""
    leaves, structure = tensors.flatten(inputs)
    for name, leaf in leaves.items():
        if getattr(getattr(leaf, "device", None), "type", "") == "meta":
            raise UserError(f"the input {name} has no data (it is on the meta device)")
        try:
            tensors.values(tensors.to_numpy(leaf[..., :0] if leaf.ndim else leaf))
        except TypeError as error:
            raise UserError(f"the input {name} is of {tensors.dtype_of(leaf)}, which numpy has not") from error
    return leaves, structure


def unwrapped(module: Any) -> tuple[Any, list[str]]:
    """The module that others are wrapped around, and what is to be told of them."""
    told = []
    while wrapper := _WRAPPERS.get(type(module).__name__):
        attribute, words = wrapper
        module = getattr(module, attribute)
        told.append(f"it was {words}: what is inside is run, and an exporter that compiles does so itself")
    inside = [name for name, part in module.named_modules() if name and type(part).__name__ in _WRAPPERS]
    if inside:
        told.append(f"parts of it were compiled or wrapped ({_listed(inside)}): what is inside is run")
    if getattr(module, "_compiled_call_impl", None) is not None:
        told.append(
            "it was compiled in place: it is run as it was written, and an exporter that compiles does so itself"
        )
    return module, told


def own_dtype(module: Any, leaves: FlatTensors) -> str:
    """The one dtype of all floating numbers among weights, buffers and inputs; `mixed` where there are several, or one
    that no trial asks for; `float32` where there are none."""
    weights = [t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()]
    given = [leaf for leaf in leaves.values() if _is_floating(leaf)]
    found = {tensors.dtype_of(tensor) for tensor in (*weights, *given)}
    if len(found) <= 1:
        name = next(iter(found), "float32")
        return name if name in DTYPES else MIXED
    return MIXED


def training_words(module: Any) -> str:
    """In which mode a module runs that was given so: one in training mode alone is run in evaluation mode, and one of
    both kinds of parts as it is."""
    parts = dict(module.named_modules())
    training = [name or class_name(module) for name, part in parts.items() if part.training]
    if not training:
        return "evaluation"
    if is_all_training(module):
        return "evaluation; it was given in training mode"
    return f"as given: {len(training)} of {len(parts)} parts in training mode ({_listed(training)})"


def shared_with_weights(module: Any, leaves: FlatTensors) -> list[str]:
    """That inputs lie in the memory of a parameter or buffer: in a file they do so no more."""
    owners = {
        tensor.untyped_storage().data_ptr(): f"{kind} `{name}`"
        for kind, named in (("buffer", module.named_buffers()), ("parameter", module.named_parameters()))
        for name, tensor in named
        if _has_storage(tensor)
    }
    return [
        f"the input {name} shares its memory with the {owners[address]}: it is a copy here"
        for name, leaf in leaves.items()
        if _has_storage(leaf) and (address := leaf.untyped_storage().data_ptr()) in owners
    ]


def arrays_of_numpy(leaves: FlatTensors) -> list[str]:
    """The names of inputs that are no tensors of torch."""
    return [name for name, leaf in leaves.items() if not hasattr(leaf, "detach")]


def cast(tensor: Any, dtype: Any) -> Any:
    """Floating numbers in another dtype, and complex ones in the precision of it."""
    if tensor.is_floating_point():
        return tensor.to(dtype)
    complex_dtype = {"torch.float64": "complex128", "torch.float32": "complex64"}.get(str(dtype))
    if tensor.is_complex() and complex_dtype:
        import torch

        return tensor.to(getattr(torch, complex_dtype))
    return tensor


def _is_floating(leaf: Any) -> bool:
    if hasattr(leaf, "is_floating_point"):
        return leaf.is_floating_point()
    return leaf.dtype.kind == "f"


def _has_storage(tensor: Any) -> bool:
    import torch

    plain = isinstance(tensor, torch.Tensor) and tensor.layout == torch.strided and not tensor.is_nested
    return plain and tensor.device.type != "meta" and tensor.numel() > 0


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
