"""Image models of timm by any name it knows, with random weights; images of the model's own size.

The catalogue holds torch_bench's, with the batch size that it records for each.
"""

from __future__ import annotations

from benchlib.models import _refusals, _timm
from benchlib.registry import CatalogueRow, Source

BATCH_SIZES = {
    "adv_inception_v3": 128, "beit_base_patch16_224": 128, "botnet26t_256": 128, "cait_m36_384": 4,
    "coat_lite_mini": 128, "convit_base": 128, "convmixer_768_32": 64, "convnext_base": 128, "crossvit_9_240": 256,
    "cspdarknet53": 128, "deit_base_distilled_patch16_224": 128, "dla102": 128, "dm_nfnet_f0": 128, "dpn107": 64,
    "eca_botnext26ts_256": 128, "eca_halonext26ts": 128, "ese_vovnet19b_dw": 256, "fbnetc_100": 512, "fbnetv3_b": 256,
    "gernet_l": 128, "ghostnet_100": 512, "gluon_inception_v3": 256, "gmixer_24_224": 128, "gmlp_s16_224": 128,
    "hrnet_w18": 128, "inception_v3": 128, "jx_nest_base": 128, "lcnet_050": 256, "levit_128": 256,
    "mixer_b16_224": 128, "mixnet_l": 128, "mnasnet_100": 512, "mobilenetv2_100": 128, "mobilenetv3_large_100": 512,
    "mobilevit_s": 128, "nfnet_l0": 128, "pit_b_224": 64, "pnasnet5large": 32, "poolformer_m36": 128,
    "regnety_002": 1024, "repvgg_a2": 128, "res2net101_26w_4s": 128, "res2net50_14w_8s": 128, "res2next50": 128,
    "resmlp_12_224": 128, "resnest101e": 128, "rexnet_100": 256, "sebotnet33ts_256": 64, "selecsls42b": 128,
    "spnasnet_100": 128, "swin_base_patch4_window7_224": 128, "swsl_resnext101_32x16d": 64, "tf_efficientnet_b0": 128,
    "tf_mixnet_l": 128, "tinynet_a": 128, "tnt_s_patch16_224": 128, "twins_pcpvt_base": 128, "visformer_small": 128,
    "vit_base_patch16_224": 128, "volo_d1_224": 128, "xcit_large_24_p8_224": 16,
}  # fmt: skip
RENAMED = {  # those of the catalogue that timm renamed; of all others it keeps a table of its own
    "adv_inception_v3": "inception_v3.tf_adv_in1k",
    "gluon_inception_v3": "inception_v3.gluon_in1k",
    "jx_nest_base": "nest_base_jx",
    "swsl_resnext101_32x16d": "resnext101_32x16d.fb_swsl_ig1b_ft_in1k",
}


def catalogue() -> list[CatalogueRow]:
    return [
        {
            "name": name,
            "task": "image-classification",
            "batch_size": batch_size,
            "alias_of": RENAMED.get(name, ""),
        }
        for name, batch_size in BATCH_SIZES.items()
    ]


def more() -> list[str]:
    """All that timm builds, and the names that it used to have for some of it."""
    import timm

    return [n for n in (*timm.list_models(), *sorted(timm.models.get_deprecated_models())) if n not in BATCH_SIZES]


def tags() -> list[str]:
    """The names with the tags of their weights: the size of an image and the classes depend on the tag."""
    import timm

    return [name for model in timm.list_models() for name in timm.models.get_arch_pretrained_cfgs(model) if "." in name]


source = Source(
    name="timm",
    summary="image models of timm, random weights",
    load=_timm.loaded,
    packages=("torch", "timm"),
    catalogue=catalogue,
    more=more,
    tags=tags,
    shapes={"height": None, "width": None, "num_channels": None},
    refuse=_refusals.no_attention,
)
