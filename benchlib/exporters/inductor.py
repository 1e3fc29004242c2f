"""`torch.compile` with its inductor backend: compiled at the first call, in every process that opens it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any

from benchlib.registry import Exporter, Option
from benchlib.runtimes import OpenRequest

MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


def prepare(module: Any, request: OpenRequest, breaks: bool = False) -> Any:
    """The compiled module; the compiler runs at its first call. `breaks`: what dynamo cannot capture stays Python."""
    import torch

    return torch.compile(
        module,
        backend="inductor",
        mode=request.exporter_args.get("mode", "default"),
        fullgraph=not breaks,
        dynamic=request.dynamic,
    )


def refuse(trial: Any) -> str | None:
    mode = trial.exporter_args.get("mode", "default")
    if trial.cuda_graphs and mode in ("reduce-overhead", "max-autotune"):
        return f"mode {mode} captures CUDA graphs itself; cuda_graphs would capture them again"
    return None


def lacks(trial: Any) -> str | None:
    """Inductor writes C++ for the CPU, and Triton kernels with a small C launcher for CUDA."""
    if trial.device.startswith("cuda") and find_spec("triton") is None:
        return "inductor needs triton for a CUDA device; it is not installed"
    own = os.environ.get("CXX")
    known = ([own] if own else []) + ["g++", "clang++"]
    if any(shutil.which(compiler.split()[0]) for compiler in known):
        return None
    return f"inductor needs a C++ compiler; none of {', '.join(known)} is on PATH"


exporter = Exporter(
    name="inductor",
    summary="torch.compile with inductor",
    artifact="module",
    runtime="torch",
    packages=("torch", "torch._dynamo", "torch._inductor.compile_fx"),
    usual=True,
    options={
        "mode": Option(str, "default", "how hard the compiler tries", MODES),
    },
    prepare=prepare,
    compiles=True,
    compiles_anew=lambda options: options.get("mode", "default").startswith("max-autotune"),
    refuse=refuse,
    lacks=lacks,
)
variants = {
    "partial": replace(
        exporter,
        name="inductor-partial",
        summary="torch.compile with inductor, graph breaks allowed",
        usual=False,
        prepare=partial(prepare, breaks=True),
    )
}
