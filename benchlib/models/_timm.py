"""A model of timm with random weights, and normal-distributed images of its own size."""

from __future__ import annotations

import warnings
from functools import partial
from types import SimpleNamespace
from typing import Any

from benchlib.errors import UnknownName, UserError
from benchlib.models import LoadedModel, _as_trained, _module
from benchlib.models._configs import Settings
from benchlib.tensors import Inputs


def loaded(name: str, trial: Any, values: Settings | None = None) -> LoadedModel:
    """The model of timm called `name`, built with `values` under the trial's `model_args`, its weights drawn from the
    trial's seed. Raises UserError."""
    import timm
    import torch

    if not timm.is_model(name):
        raise UnknownName("timm model", name, timm.list_models())
    known = timm.models.get_deprecated_models().get(name) or name  # timm knows no image size by the old names
    try:
        config = timm.get_pretrained_cfg(known)
    except RuntimeError as error:  # it has no such tag
        raise UnknownName("timm model", name, timm.list_pretrained(f"{name.partition('.')[0]}.*")) from error
    own = config.input_size if config else (3, 224, 224)
    arguments = {**(values or {}), **trial.model_args}
    usual = _module.pair(arguments.get("img_size", tuple(own[-2:])))
    size = (trial.height or usual[0], trial.width or usual[1])
    if config and config.fixed_input_size and size != tuple(own[-2:]):
        arguments.setdefault("img_size", size)
    if trial.num_channels and arguments.setdefault("in_chans", trial.num_channels) != trial.num_channels:
        raise UserError(f"num_channels {trial.num_channels} and model_args in_chans {arguments['in_chans']} differ")
    torch.manual_seed(trial.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the record says under which name the model lives on
        module = _module.built(partial(timm.create_model, known, pretrained=False), arguments, f"timm/{name}")
    channels = arguments.get("in_chans", own[0])

    def inputs_at(trial: Any) -> Inputs:
        return {"x": torch.randn((trial.batch_size, channels, *size), generator=_module.generator(trial.seed))}

    task = "image-classification" if getattr(module, "num_classes", 0) else "image-features"
    pair = SimpleNamespace(**{**vars(trial), "batch_size": 2})
    trained = _as_trained.as_trained(module, lambda: module(*inputs_at(pair).values()))
    model = _module.loaded(trained, inputs_at, trial, task=task, weights="random", positional=("x",))
    return model.with_facts(model_alias_of=known) if known != name else model
