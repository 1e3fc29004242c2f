"""Steps over an exported graph: one file per pass, each declaring a `pass_` (see `benchlib.registry.Pass`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchlib.registry import Facts, Options


@dataclass(frozen=True)
class PassRequest:
    """What a pass is asked to do, in the builder worker."""

    source: Path  # the ONNX file to start from; it stays as it is
    target: Path  # the file to write; external data goes beside it, named after it
    options: Options = field(default_factory=dict)  # with every default filled in
    without: tuple[str, ...] = ()  # rules that are taken out, by name
    inputs: tuple[Path, ...] = ()  # .npz files of the model's inputs (`benchlib.tensors.load`), to calibrate on
    model_facts: Facts = field(default_factory=dict)  # what the record says of the model
    device: str = "cpu"
