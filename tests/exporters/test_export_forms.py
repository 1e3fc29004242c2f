"""Forms that torch.export can take: each computes what the library's own function does."""

import pytest
import torch
from torchvision.models.detection import roi_heads, transform
from torchvision.ops import boxes as ops

from benchlib.exporters import _export_forms


def _boxes(count, width=300, height=200):
    chance = torch.Generator().manual_seed(3)
    corner = torch.rand((count, 2), generator=chance) * torch.tensor([width, height])
    far = corner + torch.rand((count, 2), generator=chance) * 120
    return torch.cat([corner, torch.minimum(far, torch.tensor([width, height]))], 1)


@pytest.mark.parametrize("count", [0, 1, 40])
def test_masks_are_pasted_as_torchvision_does(count):
    masks = torch.rand((count, 1, 28, 28), generator=torch.Generator().manual_seed(4))
    boxes = _boxes(count)
    pasted = _export_forms.masks_pasted(masks, boxes, (200, 300))
    expected = roi_heads.paste_masks_in_image(masks, boxes, (200, 300))
    assert pasted.shape == expected.shape == (count, 1, 200, 300)
    torch.testing.assert_close(pasted, expected, rtol=0, atol=1e-5)
    assert count == 0 or 0 < (pasted == 0).float().mean() < 1


@pytest.mark.parametrize("count", [0, 1, 50, 1200])  # from 1,001 on torchvision takes another way
def test_boxes_are_suppressed_as_torchvision_does(count):
    chance = torch.Generator().manual_seed(5)
    scores, kinds = torch.rand(count, generator=chance), torch.randint(0, 5, (count,), generator=chance)
    kept = _export_forms.suppressed(_boxes(count), scores, kinds, 0.5)
    assert torch.equal(kept, ops.batched_nms(_boxes(count), scores, kinds, 0.5))
    assert count < 2 or len(kept) < count


def test_the_library_has_its_own_functions_back_after_an_export():
    own = transform.paste_masks_in_image, ops.batched_nms
    with _export_forms.taken():
        assert transform.paste_masks_in_image is _export_forms.masks_pasted
        assert ops.batched_nms is _export_forms.suppressed
    assert (transform.paste_masks_in_image, ops.batched_nms) == own
