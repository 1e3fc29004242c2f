"""MLAgility's corpus `popular_on_huggingface`: the hub's most downloaded models of early 2023, loaded as `hub:` does.

Each comes from the snapshot in the hub's local cache, or is downloaded when the network allows; otherwise it ends in
one line. Its ids stand in `benchlib.models._popular`; any other id is `hub:owner/name`.
"""

from __future__ import annotations

from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, hub
from benchlib.models._popular import MODELS
from benchlib.registry import CatalogueRow, Source


def load(name: str, trial: Any) -> LoadedModel:
    """The model of the hub under its id."""
    if name not in MODELS:
        raise UnknownName("popular model", name, MODELS)
    return hub.load(name, trial)


def catalogue() -> list[CatalogueRow]:
    return [
        {"name": name, "task": task, "labels": {"author": [name.rpartition("/")[0] or "huggingface"]}}
        for name, task in MODELS.items()
    ]


source = Source(
    name="popular_on_huggingface",
    summary="MLAgility's corpus of popular models of the hub, downloaded",
    load=load,
    identity=hub.identity,
    packages=hub.source.packages,
    catalogue=catalogue,
    shapes=hub.source.shapes,
    refuse=hub.source.refuse,
)
