"""Models of torchvision by the names of its builders, with random weights.

The catalogue holds the detection models of MLAgility's corpus; its classifiers are in `torch_hub`.
"""

from __future__ import annotations

from benchlib.models import _corpus, _refusals, _torchvision
from benchlib.registry import CatalogueRow, Source

NAMES = (
    "fasterrcnn_mobilenet_v3_large_320_fpn", "fasterrcnn_mobilenet_v3_large_fpn", "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2", "fcos_resnet50_fpn", "keypointrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn_v2", "retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2", "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
)  # fmt: skip


def catalogue() -> list[CatalogueRow]:
    return [{"name": name, "task": "object-detection", "labels": _corpus.labels(name, "torchvision")} for name in NAMES]


def more() -> list[str]:
    from torchvision import models

    return [name for name in models.list_models() if name not in NAMES]


source = Source(
    name="torchvision",
    summary="detection and all other models of torchvision, random weights",
    load=_torchvision.loaded,
    packages=("torch", "torchvision"),
    catalogue=catalogue,
    more=more,
    shapes={"height": None, "width": None},
    refuse=_refusals.no_attention,
)
