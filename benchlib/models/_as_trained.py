"""Random weights as after some training.

Fresh batch normalisations do nothing, and layers that start at zero or nearly (the last norm or a scale of a residual
branch, a classifier) hide whatever goes wrong before them.
"""

from __future__ import annotations

from typing import Any

NOTHING = 1e-3  # a parameter none of whose elements is larger hides what it is multiplied with


def as_trained(module: Any) -> Any:
    """`module` whose batch normalisations have statistics, and whose parameters that start at nothing have values, both
    drawn from torch's own generator.

    Small numbers, so that activations keep their size through a hundred layers in float16 too. Tensors without data
    are left alone.
    """
    import torch
    from torch import nn

    with torch.no_grad():
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) and norm.track_running_stats:
                norm.running_mean.normal_(0, 0.05)
                norm.running_var.uniform_(0.8, 1.2)
                if norm.affine:
                    norm.bias.normal_(0, 0.05)
        for name, parameter in module.named_parameters():
            if not name.endswith("bias") and _hides(parameter):
                parameter.normal_(0, 0.02) if parameter.squeeze().ndim > 1 else parameter.uniform_(0.1, 0.3)
    return module


def _hides(parameter: Any) -> bool:
    if parameter.is_meta or not parameter.is_floating_point() or not parameter.numel():
        return False
    return bool(parameter.abs().amax() < NOTHING)
