"""MLAgility's corpus `selftest`: two models that take no time, to try the tools on."""

from __future__ import annotations

from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, _corpus, _module, _refusals
from benchlib.registry import CatalogueRow, Source
from benchlib.tensors import Inputs

MODELS = {"linear": "one linear layer, 10 to 10", "twolayer": "two linear layers, 10 to 5 to 5"}
FEATURES = 10


def load(name: str, trial: Any) -> LoadedModel:
    """The model with weights drawn from the trial's seed, and inputs from 0 to 1 as in the corpus.

    The scripts give one vector; here a batch of them is given, of one by default.
    """
    import torch

    from benchlib.models import _selftest_modules

    if name not in MODELS:
        raise UnknownName("selftest model", name, MODELS)
    torch.manual_seed(trial.seed)
    kind = {"linear": _selftest_modules.Linear, "twolayer": _selftest_modules.TwoLayer}[name]

    def inputs_at(trial: Any) -> Inputs:
        return {"x": torch.rand((trial.batch_size, FEATURES), generator=_module.generator(trial.seed))}

    return _module.loaded(kind(FEATURES), inputs_at, trial, task="test", weights="random", positional=("x",))


def catalogue() -> list[CatalogueRow]:
    return [
        {"name": name, "task": "test", "summary": summary, "labels": _corpus.labels(name, "selftest", "selftest")}
        for name, summary in MODELS.items()
    ]


source = Source(
    name="selftest",
    summary="MLAgility's two small models to try the tools on",
    load=load,
    packages=("torch",),
    catalogue=catalogue,
    options={},
    refuse=_refusals.no_attention,
)
