"""MLAgility's corpus `transformers`, as data: the class that each of its scripts builds, and in which configuration.

A configuration states what differs from the default of its class. Scripts that load pretrained weights stand here
with the sizes of those weights; scripts that name a tokenizer alone, with the model that the tokenizer belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchlib.models._configs import BERT_DECODER


@dataclass(frozen=True)
class Row:
    """A model's class and configuration, or what it needs that is not to be had."""

    model_class: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    needs: str = ""


def _dropped(package: str) -> Row:
    return Row(needs=f"transformers up to 4.57: 5.0 dropped {package}")


LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
BERT_LARGE = {**LARGE, "vocab_size": 30522, "bos_token_id": 101, "eos_token_id": 102}
ELECTRA_BASE = {"embedding_size": 768, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}
MINILM = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
OPUS = {"vocab_size": 59514, "d_model": 512, "encoder_layers": 6, "decoder_layers": 6, "encoder_attention_heads": 8,
        "decoder_attention_heads": 8, "encoder_ffn_dim": 2048, "decoder_ffn_dim": 2048, "max_position_embeddings": 512,
        "pad_token_id": 59513, "decoder_start_token_id": 59513}  # fmt: skip
EMO = {"hidden_size": 512, "embedding_size": 128, "num_hidden_layers": 20, "num_labels": 4}
DEEPLAB = {"num_labels": 21, "output_stride": 16}
MT5_BASE = {"d_model": 768, "d_ff": 2048, "num_layers": 12, "num_heads": 12}
MT5_XL = {"d_model": 2048, "d_ff": 5120, "num_layers": 24, "num_heads": 32}
MT5_XXL = {"d_model": 4096, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
T5_BASE = {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12}
T5_LARGE = {"d_model": 1024, "d_ff": 4096, "num_layers": 24, "num_heads": 16}
T5_3B = {"d_model": 1024, "d_kv": 128, "d_ff": 16384, "num_layers": 24, "num_heads": 32}
T5_11B = {"d_model": 1024, "d_kv": 128, "d_ff": 65536, "num_layers": 24, "num_heads": 128}
BYT5_SMALL = {"vocab_size": 384, "d_model": 1472, "d_kv": 64, "d_ff": 3584, "num_layers": 12, "num_decoder_layers": 4,
              "num_heads": 6, "feed_forward_proj": "gated-gelu"}  # fmt: skip
GPT2_MEDIUM = {"n_embd": 1024, "n_layer": 24, "n_head": 16}
MBART_BASE = {"vocab_size": 50002, "d_model": 768, "encoder_layers": 6, "decoder_layers": 6, "encoder_ffn_dim": 3072,
              "decoder_ffn_dim": 3072, "encoder_attention_heads": 12, "decoder_attention_heads": 12}  # fmt: skip
BORT = {"vocab_size": 50265, "hidden_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 8,
        "intermediate_size": 768}  # fmt: skip
TWEETS = {"vocab_size": 64001, "max_position_embeddings": 130, "type_vocab_size": 1}
PHRASES = {"vocab_size": 64001, "max_position_embeddings": 258, "type_vocab_size": 1}
PHONEMES = {**LARGE, "vocab_size": 392, "feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}
YOLOS_TINY = {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768, "image_size": [800, 1333],
              "use_mid_position_embeddings": False}  # fmt: skip
GENERATOR = {"model_type": "bert-generation", **BERT_LARGE}
BACKBONE = {"use_pretrained_backbone": False}
DETECTRON = "detectron2, which is not on PyPI"

MODELS: dict[str, Row] = {
    "albert": Row("AlbertModel"),
    "auto": Row("BertModel"),
    "bart": Row("BartModel"),
    "barthez": Row("MBartModel", MBART_BASE),
    "bartpho": Row("MBartModel", {"vocab_size": 40030}),
    "beit": Row("BeitModel"),
    "bert": Row("BertModel"),
    "bert_for_question_answering": Row("BertForQuestionAnswering", LARGE),
    "bert_generation": Row("EncoderDecoderModel", {
        "encoder": GENERATOR, "decoder": {**GENERATOR, "is_decoder": True, "add_cross_attention": True}}),
    "bert_japanese": Row("BertModel", {"vocab_size": 32000}),
    "bert_tiny_for_sequence_classification": Row("BertForSequenceClassification", {
        "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}),
    "bertweet": Row("RobertaModel", TWEETS),
    "big_bird": Row("BigBirdModel"),
    "bigbird_pegasus": Row("BigBirdPegasusModel"),
    "biggan": Row(needs="pytorch_pretrained_biggan, whose model is none of transformers"),
    "blenderbot": Row("BlenderbotModel"),
    "blenderbot_small": Row("BlenderbotSmallModel"),
    "bort": Row("BertModel", BORT),
    "byt5": Row("T5Model", BYT5_SMALL),
    "camembert": Row("CamembertModel"),
    "canine": Row("CanineModel"),
    "clip": Row("CLIPModel"),
    "clipText": Row("CLIPTextModel"),
    "clipVision": Row("CLIPVisionModel"),
    "convbert": Row("ConvBertModel"),
    "convnext": Row("ConvNextModel"),
    "cpm": Row("GPT2Model", {"vocab_size": 30000, "n_embd": 2560, "n_layer": 32, "n_head": 32}),
    "ctrl": Row("CTRLModel"),
    "data2vecaudio": Row("Data2VecAudioModel"),
    "data2vectext": Row("Data2VecTextModel"),
    "deberta": Row("DebertaModel"),
    "deberta_v2": Row("DebertaV2Model"),
    "deit": Row("DeiTModel"),
    "deit_base_for_image_classification": Row("ViTForImageClassification", {"num_labels": 1000}),
    "deit_tiny_for_image_classification": Row("ViTForImageClassification", {
        "hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768, "num_labels": 1000}),
    "detr": Row("DetrModel", BACKBONE),
    "detr_for_object_detection": Row("DetrForObjectDetection", {**BACKBONE, "num_labels": 91}),
    "dialogpt": Row("GPT2LMHeadModel", GPT2_MEDIUM),
    "distil_wav2vec2_for_audio_classification": Row("Wav2Vec2ForSequenceClassification", {"num_hidden_layers": 4}),
    "distilbert": Row("DistilBertModel"),
    "distilbert_for_question_answering": Row("DistilBertForQuestionAnswering"),
    "distilhubert_for_audio_classification": Row("HubertForSequenceClassification", {
        "num_hidden_layers": 2, "num_labels": 45}),
    "dpr": Row("DPRQuestionEncoder"),
    "electra": Row("ElectraModel"),
    "electra_for_sequence_classification": Row("ElectraForSequenceClassification", ELECTRA_BASE),
    "encoder_decoder": Row("EncoderDecoderModel"),
    "flaubert": Row("FlaubertModel"),
    "fnet": Row("FNetModel"),
    "fsmt": Row("FSMTModel"),
    "funnel": Row("FunnelModel"),
    "funnel_base": Row("FunnelBaseModel"),
    "gpt1": Row("OpenAIGPTModel"),
    "gpt2": Row("GPT2Model"),
    "gpt2_doublehead": Row("GPT2DoubleHeadsModel"),
    "gpt_neo": Row("GPTNeoModel"),
    "gptj": Row("GPTJModel"),
    "herbert": Row("BertModel", {"vocab_size": 50000, "pad_token_id": 1}),
    "hubert": Row("HubertModel"),
    "ibert": Row("IBertModel"),
    "imagegpt": Row("ImageGPTModel"),
    "layoutlm": Row("LayoutLMModel"),
    "layoutlmv2": Row(needs=DETECTRON),
    "layoutxlm": Row(needs=DETECTRON),
    "led": Row("LEDModel"),
    "longformer": Row("LongformerModel"),
    "luke": Row("LukeModel"),
    "lxmert": Row("LxmertModel"),
    "m2m_100": Row("M2M100Model"),
    "marian": Row("MarianModel"),
    "marianmt": Row("MarianMTModel", OPUS),
    "mbart": Row("MBartModel"),
    "mbart50": Row("MBartModel", {"vocab_size": 250054}),
    "megatron_bert": Row("MegatronBertModel"),
    "megatron_gpt2": Row("GPT2Model", GPT2_MEDIUM),
    "minilmv2": Row("BertModel", MINILM),
    "mluke": Row("LukeModel", {"vocab_size": 250002, "max_position_embeddings": 514}),
    "mmbt": _dropped("MMBT"),
    "mobilebert": Row("MobileBertModel"),
    "mobilebert_for_sequence_classification": Row("MobileBertForSequenceClassification", EMO),
    "mobilevit": Row("MobileViTModel"),
    "mobilevit_small_for_semantic_segmentation": Row("MobileViTForSemanticSegmentation", DEEPLAB),
    "mobilevit_x_small_for_semantic_segmentation": Row("MobileViTForSemanticSegmentation", {
        **DEEPLAB, "hidden_sizes": [96, 120, 144], "neck_hidden_sizes": [16, 32, 48, 64, 80, 96, 384]}),
    "mobilevit_xx_small_for_semantic_segmentation": Row("MobileViTForSemanticSegmentation", {
        **DEEPLAB, "hidden_sizes": [64, 80, 96], "neck_hidden_sizes": [16, 16, 24, 48, 64, 80, 320],
        "expand_ratio": 2.0}),
    "mpnet": Row("MPNetModel"),
    "mt5": Row("MT5Model"),
    "mt5_base": Row("MT5Model", MT5_BASE),
    "mt5_encoder": Row("MT5EncoderModel"),
    "mt5_small": Row("MT5Model"),
    "mt5_xl": Row("MT5Model", MT5_XL),
    "mt5_xxl": Row("MT5Model", MT5_XXL),
    "nystromformer": Row("NystromformerModel"),
    "openai_doublehead": Row("OpenAIGPTDoubleHeadsModel"),
    "pegasus": Row("PegasusModel"),
    "perceiver": Row("PerceiverModel"),
    "phobert": Row("RobertaModel", PHRASES),
    "plbart": Row("PLBartModel"),
    "poolformer": Row("PoolFormerModel"),
    "prophetnet": Row("ProphetNetModel"),
    "qdqbert": _dropped("QDQBERT"),
    "rag": Row("RagModel"),
    "realm": _dropped("REALM"),
    "reformer": Row("ReformerModel"),
    "rembert": Row("RemBertModel"),
    "retribert": _dropped("RetriBERT"),
    "roberta": Row("RobertaModel"),
    "roformer": Row("RoFormerModel"),
    "segformer": Row("SegformerModel"),
    "sew": Row("SEWModel"),
    "sew_d": Row("SEWDModel"),
    "speech_encoder_decoder": Row("SpeechEncoderDecoderModel"),
    "speech_encoder_decoder_pretrained": _dropped("Speech2Text2, its decoder"),
    "speech_to_text": Row("Speech2TextModel"),
    "speech_to_text_2": _dropped("Speech2Text2"),
    "splinter": Row("SplinterModel"),
    "squeezebert": Row("SqueezeBertModel"),
    "swin": Row("SwinModel"),
    "t5": Row("T5Model"),
    "t5_11b": Row("T5ForConditionalGeneration", T5_11B),
    "t5_3b": Row("T5ForConditionalGeneration", T5_3B),
    "t5_base": Row("T5ForConditionalGeneration", T5_BASE),
    "t5_encoder": Row("T5EncoderModel"),
    "t5_large": Row("T5ForConditionalGeneration", T5_LARGE),
    "t5_small": Row("T5ForConditionalGeneration"),
    "tapas": Row("TapasModel"),
    "transfo_xl": _dropped("Transformer-XL"),
    "trocr": Row("TrOCRForCausalLM"),
    "unispeech": Row("UniSpeechModel"),
    "unispeech_sat": Row("UniSpeechSatModel"),
    "vilt": Row("ViltModel"),
    "vision_encoder_decoder": Row("VisionEncoderDecoderModel", BERT_DECODER),
    "vision_text_dual_encoder": Row("VisionTextDualEncoderModel"),
    "visual_bert": Row("VisualBertModel"),
    "vit": Row("ViTModel"),
    "vit_mae": Row("ViTMAEModel"),
    "wav2vec2": Row("Wav2Vec2Model"),
    "wav2vec2_phoneme": Row("Wav2Vec2ForCTC", PHONEMES),
    "wav2vec2_with_lm": Row("Wav2Vec2ForCTC"),
    "wavlm": Row("WavLMModel"),
    "xglm": Row("XGLMModel"),
    "xlm": Row("XLMModel"),
    "xlm_prophetnet": Row("ProphetNetModel", {"vocab_size": 250012}),
    "xlm_roberta": Row("XLMRobertaModel"),
    "xlm_roberta_xl": Row("XLMRobertaXLModel"),
    "xlnet": Row("XLNetModel"),
    "yolos_tiny_for_object_detection": Row("YolosForObjectDetection", YOLOS_TINY),
    "yoso": Row("YosoModel"),
}  # fmt: skip
_WITHOUT_TEXT = """
    beit biggan clipVision convnext data2vecaudio deit deit_base_for_image_classification
    deit_tiny_for_image_classification detr detr_for_object_detection distil_wav2vec2_for_audio_classification
    distilhubert_for_audio_classification hubert mobilevit mobilevit_small_for_semantic_segmentation
    mobilevit_x_small_for_semantic_segmentation mobilevit_xx_small_for_semantic_segmentation poolformer segformer sew
    sew_d swin unispeech unispeech_sat vit vit_mae wav2vec2 wav2vec2_phoneme wav2vec2_with_lm wavlm
    yolos_tiny_for_object_detection
"""
WITHOUT_TEXT = frozenset(_WITHOUT_TEXT.split())
