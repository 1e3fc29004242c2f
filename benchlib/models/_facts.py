"""What a module is, for the record: its class, its parameters, the hash of its weights."""

from __future__ import annotations

import hashlib
from typing import Any, NotRequired, TypedDict, cast

from benchlib.models import _module_weights

WHOLE = 64 << 20  # bytes; of larger tensors a sample is hashed
EDGE = 1 << 20  # bytes of a large tensor's head and tail
STRIDE = 4093  # of a large tensor every 4093rd byte: a prime, so that no regular pattern is missed


class ModuleFacts(TypedDict):
    """The metrics that say what a module is; its weights are counted by `_module_weights`."""

    model_class: str
    params_size: int  # count
    params_dtype: str  # `float32|float16`, what most are of first
    weights_size: int  # bytes, without buffers
    params_in_constants: NotRequired[int]  # count, of a frozen TorchScript


def facts_of(module: Any) -> ModuleFacts:
    """What a torch.nn.Module says of itself."""
    return cast(ModuleFacts, {"model_class": class_name(module), **_module_weights.weights_of(module).facts()})


def class_name(module: Any) -> str:
    """The name of the module's class; of a parametrized module that of its original class."""
    return type(module).__name__.removeprefix("Parametrized")


def is_all_training(module: Any) -> bool:
    """Whether all parts of a module are in training mode."""
    return all(part.training for part in module.modules())


def weights_hash(module: Any) -> str:
    """sha256 over name, dtype, shape and bytes of every parameter and buffer, in order; 16 digits of it.

    A tensor of more than 64 MB is hashed by its first and last megabyte and every 4093rd byte between.
    """
    digest = hashlib.sha256()
    tensors = [
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    ]
    for name, tensor in tensors:
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        add_bytes(digest, tensor)
    return digest.hexdigest()[:16]


def add_bytes(digest: Any, tensor: Any) -> None:
    """Adds the bytes of a tensor to a hash of hashlib's; of one of more than 64 MB a sample."""
    import torch

    if tensor.numel() == 0 or tensor.device.type == "meta":
        return
    data = tensor.detach().resolve_conj().resolve_neg().contiguous().flatten().view(torch.uint8)
    if data.numel() > WHOLE:
        data = torch.cat([data[:EDGE], data[EDGE:-EDGE:STRIDE], data[-EDGE:]])
    digest.update(data.cpu().clone().numpy().data)  # what numpy looks at can no longer be resized: observers do that


def add_array_bytes(digest: Any, array: Any) -> None:
    """The same for a numpy array."""
    import numpy as np

    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8) if array.size else b""
    if len(data) > WHOLE:
        data = np.concatenate([data[:EDGE], data[EDGE:-EDGE:STRIDE], data[-EDGE:]])
    digest.update(data)
