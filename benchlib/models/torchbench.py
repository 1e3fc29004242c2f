"""The models of pytorch/benchmark in torch_bench's list, with random weights.

Those that transformers, timm, torchvision and torch-geometric hold are built there, in the variant that
pytorch/benchmark takes; small ones are written anew (`_torchbench_modules`). All others are listed with what they
need. Batch sizes are those that torch_bench records, 1 where it records none; lengths those of inference there.
"""

from __future__ import annotations

from functools import partial

from benchlib.errors import Unavailable, UnknownName
from benchlib.models import LoadedModel, _torchbench
from benchlib.models._torchbench import graph, own, text, timm, torchvision
from benchlib.registry import CatalogueRow, Source

BERT_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
ALBERT_BASE = {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}
BART_BASE = {
    "d_model": 768, "encoder_layers": 6, "decoder_layers": 6, "encoder_attention_heads": 12,
    "decoder_attention_heads": 12, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072,
}  # fmt: skip
GPT2_LARGE = {"n_embd": 1280, "n_layer": 36, "n_head": 20}
LLAMA = {
    "vocab_size": 32, "hidden_size": 512, "num_hidden_layers": 8, "num_attention_heads": 8,
    "intermediate_size": 1536, "max_position_embeddings": 1024,
}  # fmt: skip
LONGFORMER = {"vocab_size": 50265, "max_position_embeddings": 4098, "pad_token_id": 1, "type_vocab_size": 1}
T5_BASE = {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12}
T5_LARGE = {"d_model": 1024, "d_ff": 4096, "num_layers": 24, "num_heads": 16}
CIFAR = (32, 32)

MODELS: dict[str, _torchbench.Entry] = {
    "LearningToPaint": own("painter", "reinforcement-learning", (9, 128, 128)),
    "alexnet": torchvision("alexnet"),
    "basic_gnn_edgecnn": graph("EdgeCNN"),
    "basic_gnn_gcn": graph("GCN"),
    "basic_gnn_gin": graph("GIN"),
    "basic_gnn_sage": graph("GraphSAGE"),
    "dcgan": own("dcgan", "image-generation", (3, 64, 64), normal=True),
    "densenet121": torchvision("densenet121"),
    "functorch_dp_cifar10": torchvision("resnet18", size=CIFAR, group_norm=True),
    "functorch_maml_omniglot": own("omniglot", "image-classification", (1, 28, 28), values={"running": False}),
    "hf_Albert": text("AlbertForMaskedLM", "fill-mask", 512, ALBERT_BASE),
    "hf_Bart": text("BartForConditionalGeneration", "text2text-generation", 512, BART_BASE),
    "hf_Bert": text("BertForMaskedLM", "fill-mask", 512),
    "hf_Bert_large": text("BertForMaskedLM", "fill-mask", 512, BERT_LARGE),
    "hf_BigBird": text("BigBirdForMaskedLM", "fill-mask", 4096),
    "hf_DistilBert": text("DistilBertForMaskedLM", "fill-mask", 512),
    "hf_GPT2": text("GPT2LMHeadModel", "text-generation", 1024),
    "hf_GPT2_large": text("GPT2LMHeadModel", "text-generation", 1024, GPT2_LARGE),
    "hf_Longformer": text("LongformerForMaskedLM", "fill-mask", 4096, LONGFORMER),
    "hf_Reformer": text("ReformerForMaskedLM", "fill-mask", 4096, {"num_buckets": 128}),
    "hf_T5": text("T5ForConditionalGeneration", "text2text-generation", 2048),
    "hf_T5_base": text("T5ForConditionalGeneration", "text2text-generation", 2048, T5_BASE),
    "hf_T5_large": text("T5ForConditionalGeneration", "text2text-generation", 512, T5_LARGE),
    "hf_Whisper": text("WhisperForAudioClassification", "audio-classification", None),
    "lennard_jones": own("lennard_jones", "physics", (1,)),
    "llama": text("LlamaForCausalLM", "text-generation", 32, LLAMA),
    "maml_omniglot": own("omniglot", "image-classification", (1, 28, 28)),
    "mnasnet1_0": torchvision("mnasnet1_0"),
    "mobilenet_v2": torchvision("mobilenet_v2"),
    "mobilenet_v3_large": torchvision("mobilenet_v3_large"),
    "nanogpt": text("GPT2LMHeadModel", "text-generation", 64, {"vocab_size": 50304}),
    "nvidia_deeprecommender": own("deep_recommender", "recommendation", (197951,), normal=True),
    "opacus_cifar10": torchvision("resnet18", {"num_classes": 10}, CIFAR, group_norm=True),
    "phlippe_densenet": own("course_densenet", "image-classification", (3, *CIFAR), normal=True),
    "phlippe_resnet": own("course_resnet", "image-classification", (3, *CIFAR), normal=True),
    "pytorch_unet": own("UNet", "image-segmentation", (3, 640, 959)),
    "resnet152": torchvision("resnet152"),
    "resnet18": torchvision("resnet18"),
    "resnet50": torchvision("resnet50"),
    "resnext50_32x4d": torchvision("resnext50_32x4d"),
    "shufflenet_v2_x1_0": torchvision("shufflenet_v2_x1_0"),
    "squeezenet1_1": torchvision("squeezenet1_1"),
    "timm_efficientnet": timm("mixnet_m"),
    "timm_nfnet": timm("dm_nfnet_f0"),
    "timm_regnet": timm("regnety_120"),
    "timm_resnest": timm("resnest14d"),
    "timm_vision_transformer": timm("vit_small_patch16_224"),
    "timm_vision_transformer_large": timm("vit_giant_patch14_224"),
    "timm_vovnet": timm("vovnet39a"),
    "vgg16": torchvision("vgg16"),
    "vision_maskrcnn": torchvision("maskrcnn_resnet50_fpn", task="object-detection"),
}
BATCH_SIZES = {  # recorded for inference; all others have 1
    "BERT_pytorch": 128, "LearningToPaint": 1024, "alexnet": 1024, "dcgan": 1024, "densenet121": 64, "hf_Albert": 32,
    "hf_Bart": 16, "hf_Bert": 16, "hf_GPT2": 16, "hf_T5": 4, "mnasnet1_0": 256, "mobilenet_v2": 128,
    "mobilenet_v3_large": 256, "nvidia_deeprecommender": 1024, "pytorch_unet": 8, "resnet18": 512, "resnet50": 128,
    "resnext50_32x4d": 128, "shufflenet_v2_x1_0": 512, "squeezenet1_1": 512, "timm_nfnet": 256,
    "timm_efficientnet": 128, "timm_regnet": 128, "timm_resnest": 256, "timm_vision_transformer": 256,
    "timm_vovnet": 128, "vgg16": 128,
}  # fmt: skip
CODE = "the code that github.com/pytorch/benchmark keeps for it, which is no package"
NEEDS = {
    **{f"detectron2_{model}": "detectron2, which is not on PyPI" for model in (
        "fasterrcnn_r_101_c4", "fasterrcnn_r_101_dc5", "fasterrcnn_r_101_fpn", "fasterrcnn_r_50_c4",
        "fasterrcnn_r_50_dc5", "fasterrcnn_r_50_fpn", "fcos_r_50_fpn", "maskrcnn_r_101_c4", "maskrcnn_r_101_fpn",
        "maskrcnn_r_50_c4", "maskrcnn_r_50_fpn",
    )},
    **dict.fromkeys((
        "BERT_pytorch", "Background_Matting", "Super_SloMo", "demucs", "dlrm", "drq", "maml",
        "pyhpc_equation_of_state", "pyhpc_isoneutral_mixing", "pyhpc_turbulent_kinetic_energy", "pytorch_stargan",
        "soft_actor_critic", "speech_transformer", "tts_angular", "yolov3",
    ), CODE),
    "DALLE2_pytorch": "dalle2-pytorch, and the patches that github.com/pytorch/benchmark keeps for it",
    "cm3leon_generate": "a generation loop, on a CUDA device alone",
    "doctr_det_predictor": "python-doctr, for which this suite has no inputs",
    "doctr_reco_predictor": "python-doctr, for which this suite has no inputs",
    "fastNLP_Bert": "fastNLP, and the code that github.com/pytorch/benchmark keeps for it",
    "hf_T5_generate": "a generation loop; a trial times one forward",
    "mobilenet_v2_quantized_qat": "a graph that torch.ao quantises, which cannot be read back once it is stored",
    "moco": "torch.distributed with a CUDA device",
    "resnet50_quantized_qat": "a graph that torch.ao quantises, which cannot be read back once it is stored",
    "sam": "segment-anything, and its way from an image and a point to masks",
    "sam_fast": "segment-anything-fast, on a CUDA device alone",
}  # fmt: skip


def load(name: str, trial) -> LoadedModel:
    """The model by the library that holds it. Raises UserError."""
    if name in MODELS:
        return MODELS[name].load(trial)
    if name in NEEDS:
        raise Unavailable(f"{name} needs {NEEDS[name]}")
    raise UnknownName("torchbench model", name, [*MODELS, *NEEDS])


def catalogue() -> list[CatalogueRow]:
    names = sorted([*MODELS, *NEEDS], key=lambda name: (name[0].islower(), name))
    return [_row(name, BATCH_SIZES.get(name, 1)) for name in names]


def _row(name: str, batch_size: int) -> CatalogueRow:
    if name in NEEDS:
        return {"name": name, "batch_size": batch_size, "needs": NEEDS[name]}
    return MODELS[name].row(name, batch_size)


source = Source(
    name="torchbench",
    summary="models of pytorch/benchmark by the libraries that hold them, random weights",
    load=load,
    packages=("torch",),
    catalogue=catalogue,
    shapes={"seq_length": None, "height": None, "width": None},
    refuse=partial(_torchbench.refuse, MODELS),
)
