"""Calls with other weights than the module's own (`torch.func.functional_call`), and those inside of transforms, where
tensors are wrappers: of a whole batch (vmap), of what derivatives are taken by (grad, jvp). A wrapper holds nothing
outside of its transform."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def as_module(torch: Any, module: Any, inputs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Within it `module` holds the weights that it is called with as parameters of its own, and the inputs that it
    gives are plain tensors. Of what vmap has put side by side, as the weights of an ensemble, they are the first."""
    transformed = torch._C._functorch.peek_interpreter_stack() is not None
    if isinstance(module, torch.jit.ScriptModule) or not (transformed or _has_strangers(torch, module)):
        yield inputs
        return
    from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
    from torch.nn.utils.stateless import _reparametrize_module
    from torch.utils._pytree import tree_map_only

    with temporarily_clear_interpreter_stack():
        weights = {name: _parameter(torch, weight) for name, weight in module.named_parameters()}
        weights |= {name: _plain(torch, buffer) for name, buffer in module.named_buffers()}
        with _reparametrize_module(module, weights, tie_weights=True):
            yield tree_map_only(torch.Tensor, lambda tensor: _plain(torch, tensor), inputs)


def _has_strangers(torch: Any, module: Any) -> bool:
    """Whether tensors that are no parameters stand in the place of some."""
    return not all(isinstance(weight, torch.nn.Parameter) for weight in module.parameters())


def _parameter(torch: Any, weight: Any) -> Any:
    if isinstance(weight, torch.nn.Parameter):
        return weight
    return torch.nn.Parameter(_plain(torch, weight).detach(), weight.is_floating_point())


def _plain(torch: Any, tensor: Any) -> Any:
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(tensor):
        dimension, tensor = functorch.maybe_get_bdim(tensor), functorch.get_unwrapped(tensor)
        if dimension >= 0:
            tensor = tensor.select(dimension, 0).clone()
    return tensor
