"""A few small modules with every kind of signature: tuples, dicts, lists, Python integers, nested outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, _module
from benchlib.registry import Source

# name -> (class, summary, inputs from a function that draws a normal tensor, and the batch size)
Draw = Callable[..., Any]
MODELS: dict[str, tuple[str, str, Callable[[Draw, int], dict[str, Any]]]] = {
    "mlp": ("MLP", "two linear layers", lambda draw, n: {"x": draw(n, 64)}),
    "tuple_io": (
        "TupleIO",
        "a tuple in, a nested tuple out",
        lambda draw, n: {"pair": (draw(n, 32), draw(n, 32))},
    ),
    "dict_io": (
        "DictIO",
        "a dict in, a nested dict out",
        lambda draw, n: {"batch": {"left": draw(n, 32), "right": draw(n, 32)}},
    ),
    "list_io": (
        "ListIO",
        "a list of tensors in and out",
        lambda draw, n: {"parts": [draw(n, k, 32) for k in (2, 3, 5)]},
    ),
    "int_input": (
        "IntInput",
        "a Python integer and None as inputs",
        lambda draw, n: {"x": draw(n, 32), "repeats": 3, "bias": None},
    ),
    "conv_bn": (
        "ConvBN",
        "a convolution with a batch normalisation",
        lambda draw, n: {"x": draw(n, 3, 32, 32)},
    ),
    "weight_normed": ("WeightNormed", "layers with weight_norm", lambda draw, n: {"x": draw(n, 32)}),
}


def load(name: str, trial: Any) -> LoadedModel:
    import torch

    from benchlib.models import _explicit_modules

    if name not in MODELS:
        raise UnknownName("explicit model", name, MODELS)
    class_name, _, inputs = MODELS[name]
    torch.manual_seed(trial.seed)
    module = getattr(_explicit_modules, class_name)()
    rng = _module.generator(trial.seed)
    given = inputs(lambda *shape: torch.randn(shape, generator=rng), trial.batch_size)
    return _module.loaded(module, given, trial, task="test", weights="random")


def catalogue() -> list[dict]:
    return [{"name": name, "task": "test", "summary": summary} for name, (_, summary, _) in MODELS.items()]


source = Source(
    name="explicit",
    summary="small modules with tuple, dict, list and integer inputs",
    load=load,
    packages=("torch",),
    catalogue=catalogue,
    options={},
    refuse=_module.no_shapes,
)
