"""Inputs for a TorchScript program that come from its own code: what first reads an input says how large it is.

A convolution or a matrix product has weights of as many channels, an embedding says how many ids there are. What such
an operator does not say is tried: the size of an image, and the length of a text or a sound, are the first with which
the program runs. What else a program may begin with (sums of two inputs, recurrent layers) says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchlib.models import _module
from benchlib.tensors import Inputs

SIDES = (224, 32, 28, 64, 96, 128, 256, 299, 384, 512)  # of an image: what most are made for comes first
LENGTHS = (128, 16, 512, 1024, 16000)  # of a text, in tokens, and of a sound, in samples
# Operators that leave an input as large as it is, so that the next one is asked.
_PASSING = {
    f"aten::{name}"
    for name in ("to", "contiguous", "clone", "detach", "float", "add", "sub", "mul", "div", "neg", "relu", "sigmoid",
                 "tanh", "layer_norm", "dropout", "type_as")
}  # fmt: skip
_GROUPS = {"aten::conv1d": 6, "aten::conv2d": 6, "aten::_convolution": 8}  # where an operator has its groups


@dataclass(frozen=True)
class Read:
    """What reads an input first: `image`, `sound`, `features` or `ids`, and how many channels, features or ids."""

    kind: str
    count: int


def first_reads(module: Any) -> dict[str, Read]:
    """The inputs of forward of which the code says how large they are. The module is in inference mode."""
    import torch

    try:
        frozen = torch.jit.freeze(module, optimize_numerics=False)  # inlines calls, makes constants of weights
    except RuntimeError:  # an attribute that the program changes, an interface: such code is not read
        return {}
    values = list(frozen.graph.inputs())[1:]
    names = [argument.name for argument in module.forward.schema.arguments[1:]]
    reads = {name: _read_of(value) for name, value in zip(names, values, strict=True)}
    return {name: read for name, read in reads.items() if read}


def makers(reads: dict[str, Read], trial: Any) -> Iterator[Callable[[Any], Inputs]]:
    """Ways of making the inputs for a trial, the likeliest sizes first; what the trial says of them stays."""
    kinds = {read.kind for read in reads.values()}
    sides = SIDES if "image" in kinds and not (trial.height and trial.width) else SIDES[:1]
    lengths = LENGTHS if kinds & {"ids", "sound"} and not trial.seq_length else LENGTHS[:1]
    for side in sides:
        for length in lengths:
            yield _maker(reads, side, length)


def _maker(reads: dict[str, Read], side: int, length: int) -> Callable[[Any], Inputs]:
    import torch

    def inputs_at(trial: Any) -> Inputs:
        chance = _module.generator(trial.seed)
        image, long = (trial.height or side, trial.width or side), trial.seq_length or length

        def drawn(read: Read) -> Any:
            if read.kind == "ids":
                return torch.randint(read.count, (trial.batch_size, long), generator=chance)
            rest = {"image": image, "sound": (long,), "features": ()}[read.kind]
            return torch.randn((trial.batch_size, read.count, *rest), generator=chance)

        return {name: drawn(read) for name, read in reads.items()}

    return inputs_at


def _read_of(value: Any) -> Read | None:
    waiting, seen = [value], set()
    while waiting:
        held = waiting.pop(0)
        for use in held.uses():
            node = use.user
            if read := _said(node, use.offset):
                return read
            if node.kind() in _PASSING and node not in seen:
                seen.add(node)
                waiting += list(node.outputs())
    return None


def _said(node: Any, position: int) -> Read | None:
    """What an operator says of the value at a position of its own."""
    kind, values = node.kind(), list(node.inputs())
    if kind == "aten::embedding" and position == 1:
        weight = values[0].toIValue()
        return Read("ids", weight.shape[0]) if weight is not None else None
    if position != 0 or len(values) < 2 or not hasattr(weight := values[1].toIValue(), "shape"):
        return None
    if kind in _GROUPS:
        transposed = kind == "aten::_convolution" and values[6].toIValue()
        channels = weight.shape[0] if transposed else weight.shape[1] * values[_GROUPS[kind]].toIValue()
        word = {3: "sound", 4: "image"}.get(weight.ndim)
        return Read(word, channels) if word else None
    if kind == "aten::linear":
        return Read("features", weight.shape[-1])
    if kind == "aten::matmul" and weight.ndim == 2:
        return Read("features", weight.shape[0])
    return None
