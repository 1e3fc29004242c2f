"""Batch normalisations as after some training.

Fresh ones do nothing, or multiply a residual branch by zero, which would hide whatever goes wrong in that branch.
"""

from __future__ import annotations

from typing import Any


def trained(module: Any) -> Any:
    """`module` whose batch normalisations have statistics and factors drawn from torch's own generator.

    Small numbers, so that activations keep their size through a hundred layers in float16 too. No value decides
    what is done, so that it works on tensors without data too.
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
                    drawn = torch.empty_like(norm.weight).uniform_(0.1, 0.3)
                    norm.weight.copy_(torch.where(norm.weight == 0, drawn, norm.weight))
    return module
