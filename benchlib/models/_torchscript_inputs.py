"""Inputs for a TorchScript program that come from its own code: what first reads an input says how large it is.

A convolution or a matrix product has weights of as many channels, an embedding says how many ids there are. What such
an operator does not say is tried: the size of an image, and the length of a text or a sound, are the first with which
the program runs. What else a program may begin with (sums of two inputs, recurrent layers) says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchlib.models import _module
from benchlib.models._names import is_length, is_mask
from benchlib.models._use import UNKNOWN, MaskSense, Use
from benchlib.tensors import Inputs

SIDES = (224, 32, 28, 64, 96, 128, 256, 299, 384, 512)  # of an image: what most are made for comes first
LENGTHS = (128, 16, 512, 1024, 16000)  # of a text, in tokens, and of a sound, in samples
# Operators that leave an input as large as it is, so that the next one is asked.
_PASSING = {
    f"aten::{name}"
    for name in ("to", "contiguous", "clone", "detach", "float", "add", "sub", "mul", "div", "neg", "relu", "sigmoid",
                 "tanh", "layer_norm", "dropout", "type_as")
}  # fmt: skip
# Operators that also leave its values as they are, but not its axes: they say nothing of sizes.
_REARRANGING = {
    f"aten::{name}"
    for name in ("view", "reshape", "flatten", "unsqueeze", "squeeze", "permute", "transpose", "t", "expand", "slice",
                 "select", "clamp", "repeat", "cpu", "long", "int", "to", "contiguous", "bool")
}  # fmt: skip
_TURNING = {"aten::bitwise_not", "aten::logical_not"}
_FILLING = {"aten::masked_fill", "aten::masked_fill_"}
_OF_WHOLE_NUMBERS = ("_ids", "input_ids", "labels", "timestep", "timesteps")
_GROUPS = {"aten::conv1d": 6, "aten::conv2d": 6, "aten::_convolution": 8}  # where an operator has its groups


@dataclass(frozen=True)
class Read:
    """What reads an input first: `image`, `sound`, `features` or `ids`, and how many channels, features or ids."""

    kind: str
    count: int


@dataclass(frozen=True)
class _Code:
    """A program with all calls written out, which must live as long as the values of its code do, and the inputs of its
    forward by name; none where it is not read."""

    program: Any
    inputs: dict[str, Any]

    @classmethod
    def of(cls, module: Any) -> _Code:
        import torch

        try:
            frozen = torch.jit.freeze(module, optimize_numerics=False)  # inlines calls, makes constants of weights
        except RuntimeError:  # an attribute that the program changes, an interface: such code is not read
            return cls(None, {})
        names = [argument.name for argument in module.forward.schema.arguments[1:]]
        return cls(frozen, dict(zip(names, list(frozen.graph.inputs())[1:], strict=True)))


def first_reads(module: Any) -> dict[str, Read]:
    """The inputs of forward of which the code says how large they are. The module is in inference mode."""
    code = _Code.of(module)
    reads = {name: _read_of(value, _PASSING) for name, value in code.inputs.items()}
    return {name: read for name, read in reads.items() if read}


def uses(module: Any) -> dict[str, tuple[str, Use]]:
    """What the code makes of the values of forward's inputs, where it tells: the type of an input, as a graph of ONNX
    calls it, and its use. Names tell the rest. The module is in inference mode."""
    found: dict[str, tuple[str, Use]] = {}
    code = _Code.of(module)
    for name, value in code.inputs.items():
        read = _read_of(value, _REARRANGING)
        if read and read.kind == "ids":
            found[name] = "INT64", Use("index", range(read.count))
        elif (masks := _mask_of(value)) is not None:
            found[name] = "BOOL", Use(mask=masks)
        elif is_length(name) or _is_packed_by(value):
            found[name] = "INT64", Use("length")
        elif name.lower().endswith(_OF_WHOLE_NUMBERS):
            found[name] = "INT64", UNKNOWN
    return found


def likely_shape(name: str, read: Read | None) -> str:
    """A shape that an input might have, for a message; "…" where nothing is known of it."""
    if read is None:
        return "[1]" if is_length(name) else f"[1, {LENGTHS[0]}]" if is_mask(name) else "[…]"
    rest = {"image": [read.count, *2 * SIDES[:1]], "sound": [read.count, LENGTHS[-1]], "ids": [*LENGTHS[:1]]}
    return str([1, *rest.get(read.kind, [read.count])])


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


def _read_of(value: Any, passing: Collection[str]) -> Read | None:
    return next((read for node, position in _readers(value, passing) if (read := _said(node, position))), None)


def _readers(value: Any, passing: Collection[str]) -> Iterator[tuple[Any, int]]:
    """The nodes that read a value, or what the operators that are passed make of it, and where."""
    waiting, seen = [value], set()
    while waiting:
        for use in waiting.pop(0).uses():
            node = use.user
            yield node, use.offset
            if node.kind() == "prim::Return":
                waiting += _joined(node, use.offset)
            elif node.kind() in passing and use.offset == 0 and node not in seen:
                seen.add(node)
                waiting += list(node.outputs())


def _joined(end: Any, position: int) -> list[Any]:
    """What a branch gives at this position, as the choice between branches gives it on; none at a program's end."""
    choice = end.owningBlock().owningNode()
    return [list(choice.outputs())[position]] if choice is not None and choice.kind() == "prim::If" else []


def _mask_of(value: Any, is_turned: bool = False) -> MaskSense | None:
    """Which way round the code reads a mask of yes and no; "" where it does not tell, None where it reads none."""
    found: MaskSense | None = None
    for node, position in _readers(value, _REARRANGING):
        kind, taken = node.kind(), list(node.inputs())
        if kind in _TURNING and position == 0 and (turned := _mask_of(next(node.outputs()), not is_turned)) is not None:
            return turned
        if kind in _FILLING and position == 1:
            return "kept" if is_turned else "ignored"
        if kind in ("aten::where", *_TURNING) and position == 0:
            found = found or _chosen(taken[1:], is_turned)
        if kind == "aten::scaled_dot_product_attention" and position == 3:
            return "ignored" if is_turned else "kept"
    return found


def _chosen(branches: Sequence[Any], is_turned: bool) -> MaskSense:
    """Of what a mask chooses between, the constant is what stands where something is masked."""
    constant = [branch.toIValue() is not None for branch in branches[:2]]
    if len(constant) < 2 or constant[0] == constant[1]:
        return ""
    return "ignored" if constant[0] != is_turned else "kept"


def _is_packed_by(value: Any) -> bool:
    """Whether the steps of a sequence are packed by it: it is their lengths."""
    return any(node.kind() == "aten::_pack_padded_sequence" and position == 1
               for node, position in _readers(value, _REARRANGING))  # fmt: skip


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
