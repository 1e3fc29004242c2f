"""A few small modules with every kind of signature, torch_bench's dummies (`101…`) among them.

Tuples, dicts, lists and caches, Python integers and None as inputs; nested outputs. After them what else torch_bench
holds here: two that are meant to fail (`1001…`), and two layers of Llama.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, _module, _refusals, _transformers
from benchlib.registry import CatalogueRow, Source
from benchlib.tensors import Inputs

Draw = Callable[..., Any]  # a normal tensor of a shape


@dataclass(frozen=True)
class Entry:
    """One module: its class, what is special, and its inputs from a draw and the batch size, by name or by position."""

    module: str
    summary: str
    inputs: Callable[[Draw, int], Inputs]
    by_position: bool = False


OWN: dict[str, Entry] = {  # their classes are in `_explicit_modules`
    "mlp": Entry("MLP", "two linear layers", lambda draw, n: {"x": draw(n, 64)}),
    "tuple_io": Entry(
        "TupleIO", "a tuple in, a nested tuple out", lambda draw, n: {"pair": (draw(n, 32), draw(n, 32))}
    ),
    "dict_io": Entry(
        "DictIO",
        "a dict in, a nested dict out",
        lambda draw, n: {"batch": {"left": draw(n, 32), "right": draw(n, 32)}},
    ),
    "list_io": Entry(
        "ListIO", "a list of tensors in and out", lambda draw, n: {"parts": [draw(n, k, 32) for k in (2, 3, 5)]}
    ),
    "int_input": Entry(
        "IntInput",
        "a Python integer and None as inputs",
        lambda draw, n: {"x": draw(n, 32), "repeats": 3, "bias": None},
    ),
    "conv_bn": Entry("ConvBN", "a convolution with a batch normalisation", lambda draw, n: {"x": draw(n, 3, 32, 32)}),
    "weight_normed": Entry("WeightNormed", "layers with weight_norm", lambda draw, n: {"x": draw(n, 32)}),
}
DUMMIES: dict[str, Entry] = {  # torch_bench's, with its names and signatures; their classes are in `_dummy_modules`
    "101Dummy": Entry("Dummy", "one tensor", lambda draw, n: {"x": draw(n, 8)}, True),
    "101Dummy16": Entry("Dummy", "weights in float16", lambda draw, n: {"x": draw(n, 8)}, True),
    "101DummyTuple": Entry("DummyTuple", "a nested tuple out", lambda draw, n: {"x": draw(n, 8)}, True),
    "101Dummy2Outputs": Entry("Dummy2Outputs", "two outputs", lambda draw, n: {"x": draw(n, 1000)}, True),
    "101Dummy2": Entry("Dummy", "101Dummy again", lambda draw, n: {"x": draw(n, 8)}, True),
    "101Dummy2Inputs": Entry("Dummy2Inputs", "two inputs", lambda draw, n: {"x": draw(n, 8), "y": draw(n, 4)}, True),
    "101DummyNamed1": Entry("DummyNamed", "the first of two", lambda draw, n: {"input_x": draw(n, 8)}, True),
    "101DummyNamed2": Entry(
        "DummyNamed",
        "the second of two, the first is None",
        lambda draw, n: {"input_x": None, "input_y": draw(n, 8)},
        True,
    ),
    "101DummyNamedDict": Entry("DummyNamed", "the second of two, by name", lambda draw, n: {"input_y": draw(n, 8)}),
    "101DummyIList": Entry(
        "DummyIList", "a list of tensors", lambda draw, n: {"x": draw(n, 8), "yz": [draw(n, 8), draw(n, 8)]}, True
    ),
    "101DummyIInt": Entry("DummyIInt", "an integer", lambda draw, n: {"x": draw(n, 8), "i_input": 2}, True),
    "101DummyNoneInt": Entry(
        "DummyNoneInt",
        "None and an integer",
        lambda draw, n: {"x": draw(n, 8), "empty_input": None, "i_input": 2},
        True,
    ),
    "101DummyNoneListInt": Entry(
        "DummyNoneListInt",
        "a list with None, and an integer",
        lambda draw, n: {"x": draw(n, 8), "yz": [draw(n, 8), None, None, draw(n, 8)], "i_input": 2},
        True,
    ),
    "101DummyNoneIntDefault": Entry(
        "DummyNoneInt", "None; the integer is the default", lambda draw, n: {"x": draw(n, 8), "empty_input": None}, True
    ),
    "101DummyNoneIntDict": Entry("DummyNoneInt", "both are defaults, by name", lambda draw, n: {"x": draw(n, 8)}),
    "101DummyMambaCache": Entry(
        "DummyMambaCache",
        "a cache in and out",
        lambda draw, n: {
            "x": draw(n, 8),
            "cache": {"conv_states": draw(2, n, 8, 4), "ssm_states": draw(2, n, 8, 3)},
        },
        True,
    ),
}
FAILURES: dict[str, Entry] = {  # torch_bench's, in `_dummy_modules` too
    "1001Fail": Entry("Fails", "meant to fail: its forward does", lambda draw, n: {"x": draw(n, 8)}, True),
    "1001Fail2": Entry(
        "FailsExport", "meant to fail: it runs, and a graph cannot hold it", lambda draw, n: {"x": draw(n, 8)}, True
    ),
}
MODELS = {**OWN, **DUMMIES}
SMALL = {**MODELS, **FAILURES}
LLAMA = "Llama2Layer"  # model_args override its configuration
LLAMA_VALUES = {
    "num_hidden_layers": 2,
    "hidden_size": 4096,
    "vocab_size": 32000,
    "intermediate_size": 11008,
    "max_position_embeddings": 2048,
    "num_attention_heads": 32,
}
LLAMA_RECORDED = {"batch_size": 2, "seq_length": 1024}
HALF = "101Dummy16"


def load(name: str, trial: Any) -> LoadedModel:
    import torch

    from benchlib.models import _dummy_modules, _explicit_modules

    if name == LLAMA:
        length = LLAMA_RECORDED["seq_length"]
        return _transformers.loaded("LlamaModel", trial, LLAMA_VALUES, length, "feature-extraction")
    if name not in SMALL:
        raise UnknownName("explicit model", name, [*SMALL, LLAMA])
    entry = SMALL[name]
    torch.manual_seed(trial.seed)
    module = getattr(_explicit_modules if name in OWN else _dummy_modules, entry.module)()

    def inputs_at(trial: Any) -> Inputs:
        rng = _module.generator(trial.seed)
        return entry.inputs(lambda *shape: torch.randn(shape, generator=rng), trial.batch_size)

    positional = tuple(inputs_at(trial)) if entry.by_position else ()
    return _module.loaded(module, inputs_at, trial, task="test", weights="random", positional=positional)


def catalogue() -> list[CatalogueRow]:
    llama: CatalogueRow = {
        "name": LLAMA,
        "task": "feature-extraction",
        "batch_size": LLAMA_RECORDED["batch_size"],
        "seq_length": LLAMA_RECORDED["seq_length"],
        "packages": ("transformers.modeling_utils",),
        "summary": "two layers of Llama 2, as wide as the 7B model",
    }
    return [*(_row(name, entry) for name, entry in SMALL.items()), llama]


def _row(name: str, entry: Entry) -> CatalogueRow:
    return {"name": name, "task": "test", "summary": entry.summary}


def refuse(trial: Any) -> str | None:
    if trial.model == f"{source.name}/{LLAMA}":
        return _refusals.no_loss(trial)
    if trial.model_args or trial.seq_length:
        return f"the modules of {source.name} take no model_args and no seq_length, but for {LLAMA}"
    if trial.model == f"{source.name}/{HALF}" and trial.dtype != "float16":
        return f"{HALF} is the dummy with weights in float16: dtype: float16"
    return _refusals.no_attention(trial)


source = Source(
    name="explicit",
    summary="small modules with tuple, dict, list, cache and integer inputs",
    load=load,
    packages=("torch",),
    catalogue=catalogue,
    shapes={"seq_length": None},
    refuse=refuse,
)
