"""What a script was found to call.

Invocations have one hash when they would save the same: module, weights, and the inputs of the call. Instances that
differ in their weights alone are one row under one name, executed as often as all of them, with the hash of the first;
they are rows of their own where the script has names of its own for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Found:
    """One invocation of a model: a module called with one set of input shapes and dtypes."""

    name: str  # how the script calls it: "pytorch_model", "Net.inner.model", "models[1]"; "fc" for a child
    hash: str  # 8 digits: of all that is saved of it (`benchlib.models._content`)
    weights_hash: str  # of the weights, as they were at the first call
    model_class: str  # "hello_world.SmallModel"
    file: str  # where the script first called it
    line: int
    depth: int  # 0 for what the script calls itself
    parent: str  # the hash of the parent, "" at depth 0
    params_size: int  # count
    weights_size: int  # bytes, each parameter by its own dtype
    inputs: str  # "x: float32[1×10]"
    called_in: str = ""  # "vae.encode": the method of a model that holds it, which is no forward; "" without one
    dtype: str = ""  # of weights and inputs: one, or mixed
    executed: int = 0  # times
    seconds: float = 0.0  # spent in it, its children included


@dataclass
class Discovery:
    """What one run of a script came to."""

    script: str
    args: list[str]
    models: list[Found]  # in the order of their first calls, each followed by its children
    ended: str = ""  # one line: how it went wrong
    output: str = ""  # the end of what the script printed
    left_behind: list[str] = field(default_factory=list)  # files that the script made in the current folder
    seconds: float = 0.0
    labels: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)  # what was left out of `models`
    in_calls: str = ""  # digest of the files and variables that the models read while they are called; "" of none
