"""The image models of Torch Hub that MLAgility's corpus holds, with random weights.

Nothing is taken from the hub: most of its entries are torchvision's builders, others are built by timm or
transformers, which hold the same architecture. What only the hub's own repository holds is listed and says so.
"""

from __future__ import annotations

from typing import Any

from benchlib.errors import Unavailable, UnknownName
from benchlib.models import LoadedModel, _corpus, _refusals, _timm, _torchvision, _transformers
from benchlib.models._configs import Settings
from benchlib.registry import CatalogueRow, Source

TORCHVISION = (
    "alexnet", "convnext_base", "convnext_large", "convnext_small", "convnext_tiny", "densenet121", "densenet161",
    "densenet169", "densenet201", "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3",
    "efficientnet_b4", "efficientnet_b5", "efficientnet_b6", "efficientnet_b7", "efficientnet_v2_l",
    "efficientnet_v2_m", "efficientnet_v2_s", "googlenet", "inception_v3", "mnasnet0_5", "mnasnet0_75", "mnasnet1_0",
    "mnasnet1_3", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_x_16gf", "regnet_x_1_6gf",
    "regnet_x_32gf", "regnet_x_3_2gf", "regnet_x_400mf", "regnet_x_800mf", "regnet_x_8gf", "regnet_y_128gf",
    "regnet_y_16gf", "regnet_y_1_6gf", "regnet_y_32gf", "regnet_y_3_2gf", "regnet_y_400mf", "regnet_y_800mf",
    "regnet_y_8gf", "resnet101", "resnet152", "resnet18", "resnet34", "resnet50", "resnext101_32x8d",
    "resnext50_32x4d", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0",
    "squeezenet1_0", "squeezenet1_1", "swin_b", "swin_s", "swin_t", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16",
    "vgg16_bn", "vgg19", "vgg19_bn", "vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32", "wide_resnet101_2",
    "wide_resnet50_2",
)  # fmt: skip


def _fast_resnest(radix: int, groups: int, width: int) -> tuple[str, Settings]:
    """ResNeSt-50 that pools before it convolves; timm names two of them, and builds the others as one of those."""
    block = {"radix": radix, "avd": True, "avd_first": True}
    return "resnest50d_1s4x24d", {"cardinality": groups, "base_width": width, "block_args": block}


TIMM: dict[str, tuple[str, Settings]] = {  # timm's name, and what it is built with
    "ghostnet": ("ghostnet_100", {}),
    "ghostnet_1x": ("ghostnet_100", {}),
    "mealv1_resnest50": ("resnet50", {}),  # they are called so, and are ResNets
    "mealv2_efficientnet_b0": ("tf_efficientnet_b0", {}),
    "mealv2_mobilenet_v3_large_100": ("tf_mobilenetv3_large_100", {}),
    "mealv2_mobilenetv3_small_075": ("tf_mobilenetv3_small_075", {}),
    "mealv2_mobilenetv3_small_100": ("tf_mobilenetv3_small_100", {}),
    "mealv2_resnest50": ("resnet50", {}),
    "mealv2_resnest50_380x380": ("resnet50", {}),
    "mealv2_resnest50_cutmix": ("resnet50", {}),
    "resnest101": ("resnest101e", {}),
    "resnest200": ("resnest200e", {}),
    "resnest269": ("resnest269e", {}),
    "resnest50": ("resnest50d", {}),
    "resnest50_fast_1s1x64d": _fast_resnest(1, 1, 64),
    "resnest50_fast_1s2x40d": _fast_resnest(1, 2, 40),
    "resnest50_fast_1s4x24d": _fast_resnest(1, 4, 24),
    "resnest50_fast_2s1x64d": _fast_resnest(2, 1, 64),
    "resnest50_fast_2s2x40d": _fast_resnest(2, 2, 40),
    "resnest50_fast_4s1x64d": _fast_resnest(4, 1, 64),
    "resnest50_fast_4s2x40d": _fast_resnest(4, 2, 40),
}
DEPTH = {"midas_v3_large": "DPTForDepthEstimation"}  # the class of transformers
ONLY_THERE = {  # the hub's repository whose own code is needed
    "facebookresearch/pytorch_GAN_zoo": ("dcgan",),
    "PingoLH/Pytorch-HarDNet": ("hardnet39ds", "hardnet68", "hardnet68ds", "hardnet85"),
    "intel-isl/MiDaS": ("midas_v2.1_small", "midas_v3_hybrid"),
    "mit-han-lab/ProxylessNAS": ("proxyless_cpu", "proxyless_gpu", "proxyless_mobile", "proxyless_mobile_14"),
    "XingangPan/IBN-Net": (
        "resnet101_ibn_a", "resnet101_ibn_b", "resnet18_ibn_a", "resnet18_ibn_b", "resnet34_ibn_a", "resnet34_ibn_b",
        "resnet50_ibn_a", "resnet50_ibn_b", "resnext101_ibn_a", "se_resnet101_ibn_a",
    ),
    "mateuszbuda/brain-segmentation-pytorch": ("unet",),
}  # fmt: skip
TASKS = {"dcgan": "image-generation", "midas": "depth-estimation", "unet": "image-segmentation"}  # no classifiers
NEEDS = {name: f"the code of github.com/{owner}, which is no package" for owner, n in ONLY_THERE.items() for name in n}


def load(name: str, trial: Any) -> LoadedModel:
    """The model by the library that holds its architecture. Raises UserError."""
    if name in TORCHVISION:
        return _torchvision.loaded(name, trial)
    if name in TIMM:
        return _timm.loaded(TIMM[name][0], trial, TIMM[name][1])
    if name in DEPTH:
        return _transformers.loaded(DEPTH[name], trial, {}, None, "depth-estimation")
    if name in NEEDS:
        raise Unavailable(f"{name} needs {NEEDS[name]}")
    raise UnknownName("torch_hub model", name, _names())


def refuse(trial: Any) -> str | None:
    return (_refusals.no_loss if trial.source()[1] in DEPTH else _refusals.no_attention)(trial)


def catalogue() -> list[CatalogueRow]:
    return [_row(name) for name in _names()]


def _names() -> list[str]:
    return sorted((*TORCHVISION, *TIMM, *DEPTH, *NEEDS))


def _row(name: str) -> CatalogueRow:
    task = TASKS.get(name.partition("_")[0], "image-classification")
    row: CatalogueRow = {"name": name, "task": task, "labels": _corpus.labels(name, "torch_hub")}
    if name in NEEDS:
        return row | {"needs": NEEDS[name]}
    library = "timm" if name in TIMM else "transformers" if name in DEPTH else "torchvision"
    return row | {"packages": (library,), "summary": f"built by {library}"}


source = Source(
    name="torch_hub",
    summary="image models of Torch Hub by torchvision and timm, random weights",
    load=load,
    packages=("torch",),
    catalogue=catalogue,
    shapes={"height": None, "width": None},
    refuse=refuse,
)
