"""What sources refuse of the parameters that only other models read."""

import pytest

from benchlib import mistakes
from benchlib.registries import sources


@pytest.mark.parametrize(
    ("model", "reads"),
    [
        ("timm/resnet18", False),
        ("torchvision/ssd300_vgg16", False),
        ("selftest/linear", False),
        ("graph_convolutions/gcnconv", False),
        ("explicit/mlp", False),
        ("explicit/Llama2Layer", True),
        ("torchbench/resnet18", False),
        ("torchbench/hf_Bert", True),
        ("torch_hub/alexnet", False),
        ("torch_hub/midas_v3_large", True),
        ("diffusers/unet_2d_condition", False),
        ("diffusers/safety_clipvision", True),
        ("huggingface/BertForMaskedLM", True),
    ],
)
def test_who_has_one_attention_refuses_the_choice(model, reads):
    trial = mistakes.make({"model": model, "attn_implementation": "eager"})
    rule = sources.get(model.partition("/")[0]).refuse(trial)
    assert rule is None if reads else rule.startswith("attn_implementation is for transformers models")
