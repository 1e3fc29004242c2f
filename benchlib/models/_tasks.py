"""What a model of transformers is for, and at which length it is usually called: read from its class's name."""

from __future__ import annotations

_TASKS = {  # the first ending that fits counts
    "WhisperForConditionalGeneration": "automatic-speech-recognition",
    "Speech2TextForConditionalGeneration": "automatic-speech-recognition",
    "ForMaskedLM": "fill-mask",
    "ForTableQuestionAnswering": "table-question-answering",
    "TapasForQuestionAnswering": "table-question-answering",
    "ViltForQuestionAnswering": "visual-question-answering",
    "LxmertForQuestionAnswering": "visual-question-answering",
    "VisualBertForQuestionAnswering": "visual-question-answering",
    "BlipForQuestionAnswering": "visual-question-answering",
    "ForQuestionAnswering": "question-answering",
    "ForQuestionAnsweringSimple": "question-answering",
    "Wav2Vec2ForSequenceClassification": "audio-classification",
    "Wav2Vec2BertForSequenceClassification": "audio-classification",
    "Wav2Vec2ConformerForSequenceClassification": "audio-classification",
    "HubertForSequenceClassification": "audio-classification",
    "WavLMForSequenceClassification": "audio-classification",
    "SEWForSequenceClassification": "audio-classification",
    "SEWDForSequenceClassification": "audio-classification",
    "UniSpeechForSequenceClassification": "audio-classification",
    "UniSpeechSatForSequenceClassification": "audio-classification",
    "Data2VecAudioForSequenceClassification": "audio-classification",
    "ForSequenceClassification": "text-classification",
    "ForAudioClassification": "audio-classification",
    "ForTokenClassification": "token-classification",
    "ForMultipleChoice": "multiple-choice",
    "ForNextSentencePrediction": "next-sentence-prediction",
    "ForPreTraining": "pretraining",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ModelWithLMHead": "text-generation",
    "ForConditionalGeneration": "text2text-generation",
    "MTModel": "translation",
    "VisionEncoderDecoderModel": "image-to-text",
    "SpeechEncoderDecoderModel": "automatic-speech-recognition",
    "EncoderDecoderModel": "text2text-generation",
    "ForImageClassification": "image-classification",
    "ForImageClassificationWithTeacher": "image-classification",
    "ForVideoClassification": "video-classification",
    "ForMaskedImageModeling": "masked-image-modeling",
    "ForObjectDetection": "object-detection",
    "ForSemanticSegmentation": "image-segmentation",
    "ForInstanceSegmentation": "image-segmentation",
    "ForUniversalSegmentation": "image-segmentation",
    "ForImageSegmentation": "image-segmentation",
    "ForDepthEstimation": "depth-estimation",
    "ForCTC": "automatic-speech-recognition",
    "ForSpeechToText": "automatic-speech-recognition",
    "ForTextToSpeech": "text-to-speech",
    "ForAudioFrameClassification": "audio-frame-classification",
    "ForXVector": "audio-xvector",
    "ForPrediction": "time-series-forecasting",
    "CLIPModel": "zero-shot-image-classification",
}

_LENGTHS = {  # torch_bench's and TorchDynamo's, by how the name begins; the longest beginning that fits counts
    128: ("Blenderbot", "MobileBert"),
    256: ("TrOCR",),
    512: ("Albert", "Deberta", "Layout", "Electra", "XLNet", "MegatronBert", "Bert", "Roberta", "DistillGPT2",
          "GoogleFnet", "YituTechConvBert", "CamemBert", "Camembert"),
    1024: ("GPT2", "Bart", "T5", "PLBart", "MBart", "AllenaiLongformer", "Longformer", "BigBird", "Phi"),
    2048: ("OPT",),
    4096: ("Reformer",),
}  # fmt: skip
_OTHERS = 128


def task_of(class_name: str) -> str:
    """`fill-mask` of BertForMaskedLM; the bare models give features."""
    return next((task for ending, task in _TASKS.items() if class_name.endswith(ending)), "feature-extraction")


def length_of(name: str) -> int:
    """The length of the texts that torch_bench gives to the models of a family."""
    fitting = [(len(b), length) for length, names in _LENGTHS.items() for b in names if name.startswith(b)]
    return max(fitting)[1] if fitting else _OTHERS
