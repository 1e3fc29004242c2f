"""How much work one call of a model is: floating-point operations, and bytes of weights that have to be read."""

from __future__ import annotations

from typing import Any

from benchlib import tensors
from benchlib.errors import UserError
from benchlib.record.metrics import Metrics

# Operators that read a part of a tensor, or nothing of it yet.
_IN_PART = {
    "embedding", "embedding_bag", "_embedding_bag", "_embedding_bag_forward_only", "index", "index_select", "gather",
    "select", "slice", "split", "split_with_sizes", "chunk", "unbind", "narrow", "detach", "alias", "lift_fresh",
}  # fmt: skip
_UNCOUNTED = {"mkldnn_rnn_layer", "_cudnn_rnn"}  # operators full of arithmetic that torch's counter does not know


def work_of(model: Any) -> Metrics:
    """`flops` and `weights_read_size` (bytes) of one forward of a LoadedModel on its own inputs; where they cannot
    be told, `flops_reason` says why.

    Flops are counted by torch's FlopCounterMode: 2 × multiply-adds of matrix products, convolutions and attention.
    Weights count when an operator takes them whole; those that are looked up or sliced do not, so that the sum is
    a lower bound.
    """
    if model.module is None:
        return Metrics(flops_reason="the source gives no torch module")
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import FlopCounterMode

    sizes = {id(p): p.numel() * p.element_size() for p in model.module.parameters()}
    read: set[int] = set()
    called: set[str] = set()

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            name = function.overloadpacket.__name__
            called.add(name)
            if name not in _IN_PART:
                leaves = torch.utils._pytree.tree_leaves((args, kwargs or {}))
                read.update(id(leaf) for leaf in leaves if id(leaf) in sizes)
            return function(*args, **(kwargs or {}))

    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one operator for a whole layer would hide what is in it
    try:
        with torch.random.fork_rng(devices=()), torch.no_grad(), Watch(), FlopCounterMode(display=False) as counter:
            returned = model.call()
    except Exception as error:  # the session's own first call tells it as a failure, if it is one
        return Metrics(flops_reason=f"{type(error).__name__}: {error}".partition("\n")[0])
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    require_tensors(returned)
    found = Metrics(weights_read_size=sum(sizes[i] for i in read))
    if called & _UNCOUNTED:
        return found | {"flops_reason": f"torch's counter does not know {', '.join(sorted(called & _UNCOUNTED))}"}
    if not counter.get_total_flops():
        return found | {"flops_reason": "no matrix product, convolution or attention in the forward"}
    return found | {"flops": counter.get_total_flops()}


def require_tensors(returned: Any) -> None:
    """Raises UserError for what a forward returned and holds no tensor: nothing of it can be exported or compared."""
    try:
        leaves, _ = tensors.flatten(returned)
    except TypeError as error:
        raise UserError(f"of what the model's forward returns, {error}: let it return tensors") from error
    if not leaves:
        what = "None" if returned is None else type(returned).__name__
        raise UserError(f"the model's forward returns no tensor, but {what}: let it return tensors")
