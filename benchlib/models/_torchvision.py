"""A model of torchvision with random weights, and the images, videos or pairs of frames that its kind takes.

Images are of the size that the model's published weights were trained for, normal-distributed as after
normalisation. Detection models normalise and resize by themselves: they take a list of images in [0, 1], of COCO's
usual size, with patterns of all sizes as photographs have them: what a detector sees in independent pixels averages
out, and float32 would lose the little that is left (labels of boxes differed between float32 and float64). As they
are built some of them give all boxes one low score and find nothing, so that nothing would be compared: there the
layer that scores boxes is drawn wider.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, _as_trained, _module
from benchlib.models._configs import Settings
from benchlib.tensors import Inputs

TASKS = {  # of torchvision's modules of models, with the input's name in forward
    "detection": ("object-detection", "images"),
    "segmentation": ("image-segmentation", "x"),
    "video": ("video-classification", "x"),
    "optical_flow": ("optical-flow", "image1"),
}
SIZES = {"detection": (480, 640), "segmentation": (520, 520), "optical_flow": (368, 496)}  # RAFT trains on such crops
FRAMES = 16
OCTAVES = 7  # of patterns in an image, from one pixel wide to 64
DEFAULTS: dict[str, dict[str, Any]] = {  # the builder's own would download weights, or warn
    "detection": {"weights_backbone": None},
    "segmentation": {"weights_backbone": None},
    "googlenet": {"init_weights": True},
    "inception": {"init_weights": True},
}
WIDER = {  # the weights of the layer that scores boxes, so that neither all nor none of its scores are near zero or one
    "fasterrcnn_mobilenet_v3_large_320_fpn": 10,
    "fasterrcnn_mobilenet_v3_large_fpn": 10,
    "fcos_resnet50_fpn": 2,
    "retinanet_resnet50_fpn": 10,
}
NEARER = 0.1  # the weights of the layer that moves boxes away from where they are looked for
BUILT_FOR: dict[str, tuple[str, Callable]] = {
    "vit_": ("image_size", min),
    "maxvit_": ("input_size", tuple),
}  # models built for one size, by default 224


def loaded(name: str, trial: Any, values: Settings | None = None, size: tuple[int, int] | None = None) -> LoadedModel:
    """The model of torchvision called `name`, built with `values` under the trial's `model_args`, its weights drawn
    from the trial's seed, with images of `size` where the trial asks for no other. Raises UserError."""
    import torch
    from torchvision import models

    if name not in models.list_models():
        raise UnknownName("torchvision model", name, models.list_models())
    kind = _kind(models.get_model_builder(name))
    task, first = TASKS.get(kind, ("image-classification", "x"))
    fixed = next((argument for start, argument in BUILT_FOR.items() if name.startswith(start)), None)
    usual = (224, 224) if fixed else SIZES.get(kind) or _trained_size(models.get_model_weights(name))
    arguments = {**DEFAULTS.get(kind, {}), **(values or {}), **trial.model_args}
    own = _module.pair(arguments[fixed[0]]) if fixed and fixed[0] in arguments else size or usual
    size = (trial.height or own[0], trial.width or own[1])
    if fixed and size != usual:
        arguments.setdefault(fixed[0], fixed[1](size))
    torch.manual_seed(trial.seed)
    module = _module.built(partial(models.get_model, name), arguments, f"torchvision/{name}")
    _draw_heads(module, WIDER.get(name, 1))

    def inputs_at(trial: Any) -> Inputs:
        rng = _module.generator(trial.seed)
        if kind == "detection":
            return {first: [_scene(size, rng) for _ in range(trial.batch_size)]}
        shape = (3, FRAMES, *size) if kind == "video" else (3, *size)
        names = ("image1", "image2") if kind == "optical_flow" else (first,)
        return {name: torch.randn((trial.batch_size, *shape), generator=rng) for name in names}

    def tried() -> Any:
        if kind == "detection":
            rng = _module.generator(trial.seed)  # the rest of it is slow, and has few norms
            scenes, _ = module.transform([_scene((224, 224), rng) for _ in range(2)])
            return module.backbone(scenes.tensors)
        return module(*inputs_at(SimpleNamespace(**{**vars(trial), "batch_size": 2})).values())

    trained, positional = _as_trained.as_trained(module, tried), tuple(inputs_at(trial))
    return _module.loaded(trained, inputs_at, trial, task=task, weights="random", positional=positional)


def _kind(builder: Any) -> str:
    """`detection`, `video`, …: the folder of the builder under torchvision.models; a file there is a classifier's."""
    return builder.__module__.removeprefix("torchvision.models.").partition(".")[0]


def _draw_heads(module: Any, wider: float) -> None:
    """Weights with which a detector finds boxes, and the same ones whatever the last bits are."""
    import torch

    with torch.no_grad():
        for name, layer in module.named_modules():
            if name.endswith(("cls_logits", "cls_score")) and not name.startswith("rpn."):
                layer.weight.mul_(wider)
            elif name.endswith(("rpn.head.bbox_pred", "bbox_reg")):
                layer.weight.mul_(NEARER)


def _trained_size(weights: Any) -> tuple[int, int]:
    preset = next(iter(weights)).transforms.keywords["crop_size"]
    return preset if isinstance(preset, tuple) else (preset, preset)


def _scene(size: tuple[int, int], rng: Any) -> Any:
    """A random image [3, *size] in [0, 1] with as much contrast at each scale: its spectrum falls as that of
    photographs does (amplitude as one over the frequency; Field 1987)."""
    import torch
    from torch.nn.functional import interpolate

    image = torch.zeros((3, *size))
    for octave in range(OCTAVES):
        coarse = torch.randn((1, 3, *(side // 2**octave + 1 for side in size)), generator=rng)
        image += 2**octave * interpolate(coarse, size, mode="bilinear", align_corners=True)[0]
    return (image - image.amin()) / (image.amax() - image.amin())
