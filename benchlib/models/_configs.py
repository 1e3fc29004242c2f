"""Configurations of transformers: the library's defaults, what an entry sets, and on top a trial's model_args."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchlib.errors import UserError, suggestion

# Settings of a configuration, or arguments of what builds a model, by the library's own names. A part of a
# configuration that is one itself is a mapping of its settings.
Settings = Mapping[str, Any]
_SERIES = {"prediction_length": 24, "context_length": 48, "num_time_features": 2}
BERT_DECODER = {
    "decoder": {"model_type": "bert", "is_decoder": True, "add_cross_attention": True},
    "decoder_start_token_id": 101,
    "pad_token_id": 0,
}

NEEDED: dict[str, Settings] = {  # configurations whose defaults alone make no model
    "AutoformerConfig": _SERIES,
    "CanineConfig": {"vocab_size": 0x110000},  # its tokens are characters, which it does not count
    "EncoderDecoderConfig": {"encoder": {"model_type": "bert"}, **BERT_DECODER},
    "EsmConfig": {"vocab_size": 33, "pad_token_id": 1, "mask_token_id": 32},
    "InformerConfig": _SERIES,
    "RagConfig": {"question_encoder": {"model_type": "dpr"}, "generator": {"model_type": "bart"}},
    "SpeechEncoderDecoderConfig": {"encoder": {"model_type": "wav2vec2"}, **BERT_DECODER},
    "TimeSeriesTransformerConfig": _SERIES,
    "VisionEncoderDecoderConfig": {
        "encoder": {"model_type": "vit"},
        "decoder": {"model_type": "gpt2", "is_decoder": True, "add_cross_attention": True},
        "decoder_start_token_id": 50256,
        "pad_token_id": 50256,
    },
    "VisionTextDualEncoderConfig": {"vision_config": {"model_type": "vit"}, "text_config": {"model_type": "bert"}},
    "MusicgenConfig": {
        "text_encoder": {"model_type": "t5"},
        "audio_encoder": {"model_type": "encodec"},
        "decoder": {"model_type": "musicgen_decoder"},
    },
}


def configured(config_class: Any, values: Settings, given: Settings, what: str) -> Any:
    """A configuration of `config_class` from `values`, overridden by `given`, in which parts that are configurations
    themselves may be named in part. Raises UserError."""
    values = _merged(NEEDED.get(config_class.__name__, {}), values)
    default = _built(config_class, values, "configuration", what)
    _check(given, default, what)
    config = _built(config_class, _merged(values, given), "model_args", what) if given else default
    return without_cache(config)


def suited(config: Any, model_class: str, chosen: Settings) -> None:
    """What the class of the model needs beside the defaults, where nobody has chosen it: a decoder looks not ahead, and
    who classifies texts of a batch finds their ends by the padding."""
    writes = model_class.endswith(("ForCausalLM", "LMHeadModel", "ModelWithLMHead"))
    if writes and "is_decoder" not in chosen and getattr(config, "is_decoder", None) is False:
        config.is_decoder = True
    text = text_of(config)
    if model_class.endswith("ForSequenceClassification") and getattr(text, "pad_token_id", 0) is None:
        text.pad_token_id = 0


def _check(given: Settings, config: Any, what: str) -> None:
    """Raises UserError for an option that the configuration, or a part of it, does not have. A part that is to become
    another kind of model (`model_type`) has options that only its own class knows."""
    known = {*config.to_dict(), *getattr(type(config), "attribute_map", {}), "num_labels"}
    for name, value in given.items():
        if name not in known:
            raise UserError(f"model_args: unknown option '{name}' of {what}{suggestion(name, known)}")
        part = getattr(config, name, None)
        if isinstance(value, Mapping) and _is_config(part) and "model_type" not in value:
            _check(value, part, f"{what}'s {name}")


def _built(config_class: Any, values: Settings, blamed: str, what: str) -> Any:
    try:
        return config_class(**values)
    except Exception as error:  # strict configurations raise their own classes
        raise UserError(f"{blamed} of {what}: {' '.join(str(error).split())}") from error


def _merged(values: Settings, given: Settings) -> Settings:
    found = dict(values)
    for name, value in given.items():
        both = isinstance(value, Mapping) and isinstance(found.get(name), Mapping)
        found[name] = _merged(found[name], value) if both else value
    return found


def without_cache(config: Any) -> Any:
    """The configuration of one forward: no key-value cache among the outputs, and no memories of XLNet's."""
    for part in parts(config):
        for name in ("use_cache", "use_mems_eval"):
            if getattr(part, name, None):
                setattr(part, name, False)
    return config


def parts(config: Any) -> Iterator[Any]:
    """The configuration and those inside it."""
    yield config
    for value in list(vars(config).values()):
        if _is_config(value):
            yield from parts(value)


def _is_config(value: Any) -> bool:
    return hasattr(value, "to_dict") and hasattr(value, "model_type")


def text_of(config: Any, decoder: bool = False) -> Any:
    """The part that describes what reads the text, or the decoder of one that has two; else the configuration."""
    pair = ("decoder", "generator") if decoder else ("encoder", "question_encoder", "text_encoder")
    for name in (*pair, "text_config"):
        if getattr(getattr(config, name, None), "vocab_size", None):
            return getattr(config, name)
    try:
        return config.get_text_config(decoder=decoder)
    except ValueError:  # several parts read text
        return config


def image_of(config: Any) -> Any:
    """The part that describes what reads the images, else the configuration."""
    for name in ("vision_config", "image_config", "encoder", "backbone_config"):
        part = getattr(config, name, None)
        if part is not None and hasattr(part, "image_size"):
            return part
    return config
