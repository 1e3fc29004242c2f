"""The proof of a row that torch runs: the saved module, as it is or compiled, or what an exporter left for torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchlib import layouts, tensors
from benchlib.record import Record
from benchlib.registries import exporters
from benchlib.trial import Trial
from benchlib.way import Way

REOPENED = {  # kind of artifact -> how it is opened, as a callable on the flat tensors
    "exported_program": "torch.export.load(artifact).module()",
    "torchscript": "torch.jit.load(artifact)",
    "aoti": "torch._inductor.aoti_load_package(artifact)",
}
BACKENDS = {"compile": "eager", "inductor": "inductor", "inductor-partial": "inductor"}  # of torch.compile


def of_torch(trial: Trial, way: Way, record: Record) -> str:
    """The lines that open the artifact as `module` and define `flat(out)` and `bind(inputs)`, which gives the call."""
    _, structure = tensors.load(record.files.inputs)
    meta = json.loads(Path(record.files.inputs).with_name("meta.json").read_text())
    positional = meta["positional"]
    nested = {name: _written(item) for name, item in structure.tree[1]}
    args = "".join(f"{nested[n]}, " for n in positional)
    kwargs = ", ".join(f"{json.dumps(n)}: {text}" for n, text in nested.items() if n not in positional)
    kind = exporters.get(way.exporter).artifact
    compiled = _compiled(way) if way.exporter in BACKENDS else ""
    device, tf32 = trial.device, way.runtime_args.get("allow_tf32", False)
    laid_out, placed = (_PLACED, "placed(") if _has_layouts(record.files.inputs) else ("", "(")
    bfloat16 = '.view(torch.bfloat16) if name in head["labels"] else torch.from_numpy(a)'
    opened = REOPENED.get(
        kind, f'torch.load(artifact, map_location="cpu", mmap=True, weights_only=False).to("{device}")'
    )
    if kind in REOPENED:
        args, kwargs = "*leaf.values(), ", ""
    return f'''sys.path += {meta["import_paths"]!r}
import torch

torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.set_float32_matmul_precision("{"high" if tf32 else "highest"}")
torch.backends.cudnn.allow_tf32 = {tf32}
torch.backends.cudnn.benchmark = {way.runtime_args.get("cudnn_benchmark", False)}
module = {opened}{compiled}
{_OBJECTS if structure.pickled else ""}{laid_out}
def tensors(nested):
    if isinstance(nested, torch.Tensor):
        return [nested]
    nested = nested.values() if hasattr(nested, "values") else nested if isinstance(nested, (list, tuple)) else []
    return [t for item in nested for t in tensors(item)]

def flat(out):
    return [t.detach().cpu().numpy() for t in tensors(out)]

def nested(leaf):
    return ({args}), {{{kwargs}}}

def bind(inputs):
    host = {placed}{{name: torch.from_numpy(a.view(np.int16)){bfloat16} for name, a in inputs.items()}})
{_torch_call(trial, way)}'''


_OBJECTS = """
import pickle
make = pickle.loads(objects.tobytes())  # what puts the objects among the inputs together
"""

_PLACED = """
def placed(host):  # strides and shared memory, as the inputs were given
    storages, found = {}, dict(host)
    for name, at in head["layouts"].items():
        size = at["offset"] + sum((n - 1) * s for n, s in zip(at["shape"], at["strides"])) + host[name].element_size()
        storages[at["storage"]] = max(size, storages.get(at["storage"], 0))
    storages = {n: torch.zeros(size, dtype=torch.uint8).untyped_storage() for n, size in storages.items()}
    for name, at in head["layouts"].items():
        width = host[name].element_size()
        view = torch.empty(0, dtype=host[name].dtype)
        strides = [s // width for s in at["strides"]]
        found[name] = view.set_(storages[at["storage"]], at["offset"] // width, at["shape"], strides)
        found[name].copy_(host[name])
    return found
"""


def _has_layouts(inputs: str) -> bool:
    """Whether the arrays of a file lay otherwise in memory than one after another."""
    arrays, _ = tensors.load(inputs)
    return bool(layouts.layouts_of(arrays))


def _compiled(way: Way) -> str:
    options = {k: o.default for k, o in exporters.get(way.exporter).options.items()} | dict(way.exporter_args)
    options = {"fullgraph": way.exporter != "inductor-partial", **options, "dynamic": way.dynamic}
    return f'\nmodule = torch.compile(module, backend="{BACKENDS[way.exporter]}", **{options!r})'


def _torch_call(trial: Trial, way: Way) -> str:
    """`call`, with the copies and waits that `io` puts into it."""
    if trial.device == "cpu":
        return _TORCH_CALL.format(before="    args, kwargs = nested(host)\n", inside="out = module(*args, **kwargs)")
    there = f'{{name: x.to("{trial.device}") for name, x in host.items()}}'
    if trial.io == "host":
        inside = f"args, kwargs = nested({there})\n        out = [x.cpu() for x in tensors(module(*args, **kwargs))]"
        return _TORCH_CALL.format(before="", inside=inside)
    before = f'    torch.cuda.set_device("{trial.device}")\n    args, kwargs = nested({there})\n'
    if way.cuda_graphs:
        return _TORCH_CALL.format(before=before + _TORCH_GRAPH, inside=f"graph.replay()\n        {_WAIT}")
    return _TORCH_CALL.format(before=before, inside=f"out = module(*args, **kwargs)\n        {_WAIT}")


_WAIT = "torch.cuda.current_stream().synchronize()"

_TORCH_CALL = """\
{before}
    @torch.inference_mode()
    def call():
        {inside}
        return out

    return call
"""

_TORCH_GRAPH = """
    with torch.inference_mode():
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                module(*args, **kwargs)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            out = module(*args, **kwargs)
"""


def _written(structure: Any) -> str:
    """The nesting of an input as Python text over `leaf`, the tensors by name."""
    kind, content = structure[0], structure[-1]
    if kind == "object":
        parts = ", ".join(f"{name!r}: {_written(item)}" for name, item in content)
        return f"make[{structure[2]}]({{{parts}}})"
    if kind == "leaf":
        return f"leaf[{json.dumps(content)}]"
    if kind == "constant":
        return repr(content)
    if kind == "dict":
        return "{" + ", ".join(f"{key!r}: {_written(item)}" for key, item in content) + "}"
    items = "".join(f"{_written(item)}, " for item in content)
    return f"({items})" if kind == "tuple" else f"[{items}]"
