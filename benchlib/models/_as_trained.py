"""Random weights as after some training.

Fresh batch normalisations do nothing, and layers that start at zero or nearly (the last norm or a scale of a residual
branch, a classifier) hide whatever goes wrong before them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchlib.models import _meta

NOTHING = 1e-3  # a parameter none of whose elements is larger hides what it is multiplied with


def as_trained(module: Any, call: Callable[[], Any] | None = None) -> Any:
    """`module` whose parameters that start at nothing have values, drawn from torch's own generator, and whose batch
    normalisations have seen what passes through them in `call()`; those that it does not reach, small numbers.

    With statistics that belong to other weights activations would grow from layer to layer, beyond float16 in the
    deeper models. A module that is only looked at stays as it is: the call alone would take most of the look's time.
    """
    if _meta.looking():
        return module
    import torch
    from torch import nn

    kinds = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
    norms = [part for part in module.modules() if isinstance(part, kinds) and part.track_running_stats]
    with torch.no_grad():
        for norm in norms:
            norm.running_mean.normal_(0, 0.05)
            norm.running_var.uniform_(0.8, 1.2)
            if norm.affine:
                norm.bias.normal_(0, 0.05)
        for name, parameter in module.named_parameters():
            if not name.endswith("bias") and _hides(parameter):
                parameter.normal_(0, 0.02) if parameter.squeeze().ndim > 1 else parameter.uniform_(0.1, 0.3)
        if call and norms:
            _settle(module, norms, call)
    return module


def _settle(module: Any, norms: list[Any], call: Callable[[], Any]) -> None:
    """One call in which the norms alone are in training, and keep its statistics whole."""
    module.eval()
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None
        norm.train()
    call()
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
        norm.eval()
        norm.running_var.clamp_(min=0.1 * float(norm.running_var.mean()))  # two items vary by chance


def _hides(parameter: Any) -> bool:
    if not parameter.is_floating_point() or not parameter.numel():
        return False
    return bool(parameter.abs().amax() < NOTHING)
