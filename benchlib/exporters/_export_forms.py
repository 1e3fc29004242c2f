"""What libraries compute in a way that torch.export cannot take, and the same in a form that it can.

torchvision's detectors loop over classes where there are many boxes, and over boxes to paste their masks, each resized
to a size that only the data knows; for tracing torchvision has forms of its own. In `taken` such a function stands in
for the library's; whether it computes the same is seen by the judge, as with every export.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def taken() -> Iterator[None]:
    """Puts the forms in the place of the functions of those libraries that are loaded."""
    own = {(module, name): getattr(sys.modules[module], name) for module, name in FORMS if module in sys.modules}
    try:
        for module, name in own:
            setattr(sys.modules[module], name, FORMS[module, name])
        yield
    finally:
        for (module, name), function in own.items():
            setattr(sys.modules[module], name, function)


def suppressed(boxes: Any, scores: Any, idxs: Any, iou_threshold: float) -> Any:
    """`torchvision.ops.boxes.batched_nms` as it is for few boxes and when it is traced: the boxes [N, 4] of each class
    are moved to a place of their own, so that those of different classes [N] do not overlap. Returns the indices that
    are kept."""
    import torch
    from torchvision.ops.boxes import nms

    largest = torch.cat([boxes.flatten(), boxes.new_zeros(1)]).max()  # the zero: there may be no boxes
    return nms(boxes + (idxs.to(boxes) * (largest + 1))[:, None], scores, iou_threshold)


def masks_pasted(masks: Any, boxes: Any, img_shape: tuple[int, int], padding: int = 1) -> Any:
    """`torchvision.models.detection.roi_heads.paste_masks_in_image` for all boxes at once: masks [N, 1, M, M] and
    boxes [N, 4] (x, y, x, y) to [N, 1, *img_shape]. Bilinear resizing is a product with a matrix of weights along each
    axis."""
    import torch
    from torchvision.models.detection import roi_heads

    if torch.jit.is_tracing():
        return roi_heads.paste_masks_in_image(masks, boxes, img_shape, padding)
    masks, scale = roi_heads.expand_masks(masks, padding=padding)
    boxes = roi_heads.expand_boxes(boxes, scale).to(torch.int64)
    size = masks.shape[-1]
    pixels = torch.arange(size, device=masks.device, dtype=masks.dtype)

    def weights(low: Any, high: Any, length: int) -> Any:
        low, high = low[:, None], high[:, None]
        place = torch.arange(length, device=masks.device, dtype=masks.dtype)
        source = (place - low + 0.5) * size / (high - low + 1).clamp(min=1) - 0.5
        near = 1 - (source.clamp(0, size - 1)[..., None] - pixels).abs()
        inside = (place >= low) & (place <= torch.maximum(low, high))
        return near.clamp(min=0) * inside[..., None]

    rows, columns = weights(boxes[:, 1], boxes[:, 3], img_shape[0]), weights(boxes[:, 0], boxes[:, 2], img_shape[1])
    return (rows @ masks[:, 0] @ columns.transpose(1, 2))[:, None]


FORMS = {
    ("torchvision.ops.boxes", "batched_nms"): suppressed,
    ("torchvision.models.detection.transform", "paste_masks_in_image"): masks_pasted,
}
