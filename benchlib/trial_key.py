"""The key of a trial: a hash of what was asked.

A parameter that has the value it was born with was not asked for and stays out, so that a new parameter changes no key,
while a default that changes later changes the keys of those that relied on it.

To add a parameter, add a line to `BORN_WITH`: its name, and the value that means what trials did before they had it.
No line is ever changed or removed, also when a default changes in `benchlib.trial` or a parameter goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from benchlib.way import canonical

# How a trial is called, a remark, how long to wait for it and for a quiet host: nothing that is measured depends on it.
NOT_IN_KEY = ("label", "tag", "timeout", "wait_for_quiet")
LENGTH = 20  # of a key, as a process's mark has room for; by the rule before, which hashed every default, it was 16
BORN_WITH: Mapping[str, Any] = MappingProxyType(
    {
        "device": "cpu",
        "dtype": "float32",
        "batch_size": 1,
        "seq_length": None,
        "max_audio_seq_length": None,
        "height": None,
        "width": None,
        "num_channels": None,
        "k": None,
        "alpha": None,
        "in_channels": None,
        "out_channels": None,
        "num_layers": None,
        "shapes": None,
        "inputs": None,
        "model_args": {},
        "script_args": "",
        "max_depth": 0,
        "attn_implementation": None,
        "with_loss": False,
        "exporter": "onnx_dynamo",
        "target_opset": None,
        "exporter_args": {},
        "dynamic": False,
        "opt_patterns": "",
        "pass_args": {},
        "sequence": None,
        "runtime": "",
        "provider": "",
        "rtopt": "all",
        "runtime_args": {},
        "io": "host",
        "cuda_graphs": False,
        "num_cores": None,
        "level": "quick",
        "until": "measure",
        "processes": "auto",
        "warmup": "auto",
        "warmup_time": "auto",
        "repeat": "auto",
        "duration": "auto",
        "gc": False,
        "reference": "eager",
        "tolerance": None,
        "memory": False,
        "energy": False,
        "profile": False,
        "seed": 0,
    }
)


def key_of(parameters: Mapping[str, Any], identity: Any) -> str:
    """The key of a trial with these parameters, whose model is what `identity` says (a JSON value)."""
    asked = {name: value for name, value in asked_of(parameters).items() if name != "model"}
    return hashlib.sha256(canonical({**asked, "model": identity}).encode()).hexdigest()[:LENGTH]


def asked_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that tell a trial from others: none that no key holds, and none with the value it was born with.
    A parameter that is missing, as from a record that is older than it, has that value."""
    return {
        name: value
        for name, value in parameters.items()
        if name not in NOT_IN_KEY and not (name in BORN_WITH and _is_equal(value, BORN_WITH[name]))
    }


def _is_equal(value: Any, born: Any) -> bool:
    if type(value) is type(born) and value != born:
        return False  # as most that differ do
    return value is born or canonical(value) == canonical(born)


def is_of_earlier_rule(key: str) -> bool:
    """Whether a key was made by the rule before this one: the same trial has another key now."""
    return len(key) < LENGTH
