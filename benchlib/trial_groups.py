"""The parameters of a trial in groups, for people: the four that matter first."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from benchlib.trial import Trial

GROUPS: dict[str, tuple[str, ...]] = {
    "What matters first": ("model", "exporter", "device", "batch_size"),
    "The model": (
        "label", "dtype", "model_args", "script_args", "max_depth", "attn_implementation", "with_loss", "inputs",
        "shapes",
    ),
    "Sizes of its inputs": (
        "seq_length", "max_audio_seq_length", "height", "width", "num_channels", "k", "alpha", "in_channels",
        "out_channels", "num_layers",
    ),
    "The way": (
        "exporter_args", "target_opset", "dynamic", "opt_patterns", "pass_args", "sequence", "runtime", "provider",
        "rtopt", "runtime_args", "io", "cuda_graphs", "num_cores",
    ),
    "What it is held against": ("reference", "tolerance"),
    "How much is measured": (
        "level", "until", "processes", "warmup", "warmup_time", "repeat", "duration", "gc", "memory", "energy",
        "profile",
    ),
    "The trial itself": ("wait_for_quiet", "seed", "timeout", "tag"),
}  # fmt: skip


def choices_of(name: str) -> list[str]:
    """The words that a parameter takes, where there are but a few; none where it takes others too."""
    members = list(_members(Trial.model_fields[name].annotation))
    words = [word for member in members if get_origin(member) is Literal for word in get_args(member)]
    return words if words and all(get_origin(member) is Literal for member in members) else []


def type_of(name: str) -> str:
    """The type of a parameter as an annotation that needs no import: `int`, `"Optional[int]"`, `"Union[int, str]"`."""
    kinds = list(dict.fromkeys(_plain(member) for member in _members(Trial.model_fields[name].annotation)))
    rest = [kind for kind in kinds if kind != "None"]
    if len(kinds) == 1:
        return kinds[0]
    return f'"Optional[{rest[0]}]"' if len(rest) == 1 and len(kinds) == 2 else f'"Union[{", ".join(kinds)}]"'


def _members(annotation: Any) -> Iterator[Any]:
    """Those of a union, at whatever place, without what is said of them besides."""
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _plain(member: Any) -> str:
    if member is NoneType:
        return "None"
    if get_origin(member) is Literal:
        return "str"
    return getattr(get_origin(member) or member, "__name__", str(member))
