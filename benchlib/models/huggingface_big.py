"""torch_bench's suite `huggingface_big`: five models of the hub with their real weights, loaded as `hub:` does.

They are downloaded when the network allows; without it, and without a snapshot in the hub's local cache, each ends in
one line.
"""

from __future__ import annotations

from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, hub
from benchlib.registry import CatalogueRow, Source

MODELS = {  # the suite's name: (id on the hub, task)
    "all_MiniLM_L6_v1": ("sentence-transformers/all-MiniLM-L6-v1", "feature-extraction"),
    "code_llama": ("codellama/CodeLlama-7b-hf", "text-generation"),
    "stable_diffusion_3": ("stabilityai/stable-diffusion-3-medium-diffusers", "text-to-image"),
    "falcon_mamba_7b": ("tiiuae/falcon-mamba-7b", "text-generation"),
    "SmolLM_1_7b": ("HuggingFaceTB/SmolLM-1.7B", "text-generation"),
}
# A pipeline of several models is no model that one call of forward runs.
NEEDS = {"stable_diffusion_3": "one of its parts to be named: it is a pipeline (see the suite diffusers), and gated"}


def load(name: str, trial: Any) -> LoadedModel:
    """The model of the hub under the suite's name."""
    if name not in MODELS:
        raise UnknownName("huggingface_big model", name, MODELS)
    return hub.load(MODELS[name][0], trial)


def identity(name: str, trial: Any) -> Any:
    return hub.identity(MODELS[name][0], trial) if name in MODELS else name


def catalogue() -> list[CatalogueRow]:
    return [
        {"name": name, "task": task, "summary": f"hub:{hub_id}", "needs": NEEDS.get(name, "")}
        for name, (hub_id, task) in MODELS.items()
    ]


source = Source(
    name="huggingface_big",
    summary="five models of the Hugging Face hub with their weights, downloaded",
    load=load,
    identity=identity,
    packages=hub.source.packages,
    catalogue=catalogue,
    shapes=hub.source.shapes,
    refuse=hub.source.refuse,
)
