"""MLAgility's corpus `transformers`: the models of its 146 scripts, from their configurations, with random weights.

Nothing is downloaded. The sizes are those that its scripts take when they are told none: 128 tokens, 25600 samples of
sound, images of 224 by 224. `model_args` override the configuration.
"""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

from benchlib.errors import Unavailable, UnknownName
from benchlib.models import LoadedModel, _corpus, _refusals, _retrieved, _tasks, _transformers
from benchlib.models._transformers_corpus import MODELS, WITHOUT_TEXT
from benchlib.registry import CatalogueRow, Source

SEQ_LENGTH = 128
SIZES = {"max_audio_seq_length": 25600, "height": 224, "width": 224}


def load(name: str, trial: Any) -> LoadedModel:
    """The model in the trial's configuration, its weights drawn from the trial's seed."""
    if name not in MODELS:
        raise UnknownName("transformers model", name, MODELS)
    row = MODELS[name]
    if row.needs:
        raise Unavailable(f"transformers/{name} needs {row.needs}")
    asked = {size: getattr(trial, size) or own for size, own in SIZES.items()}
    sized = SimpleNamespace(**{**vars(trial), **asked})
    inputs = partial(_retrieved.documents, seq_length=SEQ_LENGTH) if name == "rag" else None
    return _transformers.loaded(row.model_class, sized, row.values, SEQ_LENGTH, _task(name), inputs=inputs)


def catalogue() -> list[CatalogueRow]:
    return [
        {
            "name": name,
            "task": _task(name),
            "seq_length": None if name in WITHOUT_TEXT else SEQ_LENGTH,
            "needs": row.needs,
            "labels": _corpus.labels(name, "transformers"),
        }
        for name, row in MODELS.items()
    ]


def _task(name: str) -> str:
    return _tasks.task_of(MODELS[name].model_class) if MODELS[name].model_class else ""


source = Source(
    name="transformers",
    summary="MLAgility's corpus of transformers models, random weights",
    load=load,
    packages=("torch", "transformers", "transformers.modeling_utils"),
    catalogue=catalogue,
    shapes={"seq_length": None, "max_audio_seq_length": None, "height": None, "width": None},
    refuse=_refusals.no_shapes,
)
