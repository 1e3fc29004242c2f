"""Image models of timm by any name it knows, with random weights; images of the model's own size.

Fresh batch normalisations do nothing, or multiply a residual branch by zero, which would hide whatever goes
wrong in that branch: they get statistics and factors as after some training, drawn from the same seed.
"""

from __future__ import annotations

from typing import Any

from benchlib.errors import UnknownName, UserError
from benchlib.models import LoadedModel, _module
from benchlib.registry import Source


def load(name: str, trial: Any) -> LoadedModel:
    """The model with weights drawn from the trial's seed, and normal-distributed images."""
    import timm
    import torch

    if not timm.is_model(name):
        raise UnknownName("timm model", name, timm.list_models())
    config = timm.get_pretrained_cfg(name)
    own = config.input_size if config else (3, 224, 224)
    size = (trial.height or own[-2], trial.width or own[-1])
    arguments = dict(trial.model_args)
    if config and config.fixed_input_size and size != tuple(own[-2:]):
        arguments.setdefault("img_size", size)
    torch.manual_seed(trial.seed)
    try:
        module = timm.create_model(name, pretrained=False, **arguments)
    except TypeError as error:  # timm hands unknown arguments down to the model's own constructor
        raise UserError(f"timm/{name} with {arguments}: {error}") from error
    _trained_norms(module)
    channels = arguments.get("in_chans", own[0])

    def inputs_at(trial: Any) -> dict[str, Any]:
        return {"x": torch.randn((trial.batch_size, channels, *size), generator=_module.generator(trial.seed))}

    task = "image-classification" if getattr(module, "num_classes", 0) else "image-features"
    return _module.loaded(module, inputs_at, trial, task=task, weights="random", positional=("x",))


def _trained_norms(module: Any) -> None:
    """Small numbers, so that activations keep their size through a hundred layers in float16 too."""
    import torch
    from torch import nn

    with torch.no_grad():
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) and norm.track_running_stats:
                norm.running_mean.normal_(0, 0.05)
                norm.running_var.uniform_(0.8, 1.2)
                if norm.affine:
                    norm.bias.normal_(0, 0.05)
                    if not norm.weight.any():
                        norm.weight.uniform_(0.1, 0.3)


def catalogue() -> list[dict]:
    return []


def more() -> list[str]:
    import timm

    return timm.list_models()


source = Source(
    name="timm",
    summary="image models of timm, random weights",
    load=load,
    packages=("torch", "timm"),
    catalogue=catalogue,
    more=more,
    shapes={"height": None, "width": None},
    refuse=_module.no_loss,
)
