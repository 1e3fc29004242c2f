"""The proof of a row: plain Python, without benchlib, that opens this very artifact on these very inputs, sets
the same options, compares with the stored outputs and times a plain loop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.errors import UserError
from benchlib.mistakes import make
from benchlib.record import scrap
from benchlib.registry import exporters
from benchlib.runtimes._cuda import index as cuda_index
from benchlib.runtimes.onnxruntime import LEVELS, cuda_options


def proof(notebook: Path) -> str:
    """The text of the script for the trial in an executed notebook. Raises UserError when it cannot be proved."""
    try:
        record = scrap.read(notebook)
    except scrap.NoRecord as error:
        raise UserError(str(error)) from error
    writers = {"torch": _torch, "onnxruntime": _onnxruntime}
    trial = make(record["trial"])
    way = trial.way
    if way.runtime not in writers:
        raise UserError(
            f"{notebook.name}: there is no script for runtime {way.runtime}; there is one for {', '.join(writers)}"
        )
    files = record.get("files", {})
    if not {"artifact", "inputs", "outputs"} <= set(files):
        raise UserError(f"{notebook.name}: the trial ended as {record['status']} before there was anything to prove")
    gone = [path for path in files.values() if not Path(path).exists()]
    if gone:
        raise UserError(
            f"{notebook.name}: {gone[0]} is no longer in the cache; run the trial again: {record['reproduce']}"
        )
    head = _HEAD.format(
        title=f"{record['metrics']['_index']}: {record['reproduce']}",
        threads=record["metrics"]["num_cores"],
        **{name: json.dumps(path) for name, path in files.items()},
    )
    return head + writers[way.runtime](trial, way, record) + _TAIL


_HEAD = '''"""{title}

Plain Python: the artifact, the inputs and the options of one row of the report. Not written by hand."""
import gc, json, os, sys, time
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "{threads}"))
import numpy as np

threads = {threads}
artifact = {artifact}
inputs = dict(np.load({inputs}))
expected = dict(np.load({outputs}))
head = json.loads(str(inputs.pop("__structure__")))
expected.pop("__structure__")
'''

_TAIL = """
found = flat(call())
for (name, right), got in zip(expected.items(), found, strict=True):
    difference = np.abs(got.astype(np.float64) - right.astype(np.float64)).max(initial=0)
    print(f"output {name}: shape {got.shape}, largest difference {difference:.3g}")
calls = int(sys.argv[1]) if len(sys.argv) > 1 else 200
for _ in range(max(5, calls // 10)):
    call()
samples = np.empty(calls)
gc.disable()
for i in range(calls):
    begin = time.perf_counter_ns()
    out = call()
    samples[i] = time.perf_counter_ns() - begin
print(f"median of {calls} calls: {np.median(samples) / 1e6:.4f} ms")
"""


def _torch(trial: Any, way: Any, record: dict[str, Any]) -> str:
    _, structure = tensors.load(record["files"]["inputs"])
    meta = json.loads(Path(record["files"]["inputs"]).with_name("meta.json").read_text())
    positional = meta["positional"]
    nested = {name: _written(item) for name, item in structure[1]}
    args = "".join(f"{nested[n]}, " for n in positional)
    kwargs = ", ".join(f"{json.dumps(n)}: {text}" for n, text in nested.items() if n not in positional)
    compiled = ""
    if way.exporter == "inductor":
        options = {k: o.default for k, o in exporters.get("inductor").options.items()} | dict(way.exporter_args)
        compiled = f'\nmodule = torch.compile(module, backend="inductor", **{options!r})'
    device, tf32 = trial.device, way.runtime_args.get("allow_tf32", False)
    bfloat16 = '.view(torch.bfloat16) if name in head["labels"] else torch.from_numpy(a)'
    return f'''sys.path += {meta["import_paths"]!r}
import torch

torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.set_float32_matmul_precision("{"high" if tf32 else "highest"}")
torch.backends.cudnn.allow_tf32 = {tf32}
torch.backends.cudnn.benchmark = {way.runtime_args.get("cudnn_benchmark", False)}
module = torch.load(artifact, map_location="cpu", mmap=True, weights_only=False).to("{device}"){compiled}
host = {{name: torch.from_numpy(a.view(np.int16)){bfloat16} for name, a in inputs.items()}}

def tensors(nested):
    if isinstance(nested, torch.Tensor):
        return [nested]
    nested = nested.values() if hasattr(nested, "values") else nested if isinstance(nested, (list, tuple)) else []
    return [t for item in nested for t in tensors(item)]

def flat(out):
    return [t.detach().cpu().numpy() for t in tensors(out)]

def nested(leaf):
    return ({args}), {{{kwargs}}}
{_torch_call(trial, way)}'''


def _torch_call(trial: Any, way: Any) -> str:
    """`call`, with the copies and waits that `io` puts into it."""
    if trial.device == "cpu":
        return _TORCH_CALL.format(before="args, kwargs = nested(host)\n", inside="out = module(*args, **kwargs)")
    there = f'{{name: x.to("{trial.device}") for name, x in host.items()}}'
    if trial.io == "host":
        inside = f"args, kwargs = nested({there})\n    out = [x.cpu() for x in tensors(module(*args, **kwargs))]"
        return _TORCH_CALL.format(before="", inside=inside)
    before = f'torch.cuda.set_device("{trial.device}")\nargs, kwargs = nested({there})\n'
    if way.cuda_graphs:
        return _TORCH_CALL.format(before=before + _TORCH_GRAPH, inside=f"graph.replay()\n    {_WAIT}")
    return _TORCH_CALL.format(before=before, inside=f"out = module(*args, **kwargs)\n    {_WAIT}")


_WAIT = "torch.cuda.current_stream().synchronize()"

_TORCH_CALL = """
{before}
@torch.inference_mode()
def call():
    {inside}
    return out
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
    kind, content = structure
    if kind == "leaf":
        return f"leaf[{json.dumps(content)}]"
    if kind == "constant":
        return repr(content)
    if kind == "dict":
        return "{" + ", ".join(f"{key!r}: {_written(item)}" for key, item in content) + "}"
    items = "".join(f"{_written(item)}, " for item in content)
    return f"({items})" if kind == "tuple" else f"[{items}]"


def _onnxruntime(trial: Any, way: Any, record: dict[str, Any]) -> str:
    options = dict(way.runtime_args)
    lines = ["import onnxruntime", "", "options = onnxruntime.SessionOptions()",
             "options.intra_op_num_threads, options.inter_op_num_threads = threads, 1",
             "level = onnxruntime.GraphOptimizationLevel",
             f"options.graph_optimization_level = level.{LEVELS[way.rtopt]}"]  # fmt: skip
    for name in (
        "enable_mem_pattern",
        "enable_cpu_mem_arena",
        "use_deterministic_compute",
        "inter_op_num_threads",
    ):
        if name in options:
            lines.append(f"options.{name} = {options[name]!r}")
    if options.get("execution_mode") == "parallel":
        lines.append("options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL")
    entries = dict(options.get("session_config", {}))
    if "allow_spinning" in options:
        entries["session.intra_op.allow_spinning"] = int(options["allow_spinning"])
    lines += [f"options.add_session_config_entry({key!r}, {str(value)!r})" for key, value in entries.items()]
    given = options.get("provider_options", {})
    if trial.device != "cpu":
        lines.append("onnxruntime.preload_dlls()")
        given = cuda_options(trial.device, given, way.cuda_graphs)
    given = {k: str(v) for k, v in given.items()}
    lines += [
        f"session = onnxruntime.InferenceSession(artifact, options, providers=[({way.provider!r}, {given!r})])",
        "names = [i.name for i in session.get_inputs()]",
        "feed = {n: inputs[n] for n in names} if set(names) <= set(inputs) else dict(zip(names, inputs.values()))",
        "",
        "def flat(out):",
        "    return [o if isinstance(o, np.ndarray) else o.numpy() for o in out]",
        "",
    ]
    if trial.io == "host":
        return "\n".join([*lines, "def call():", "    return session.run(None, feed)", ""])
    kind, index = trial.device.partition(":")[0], cuda_index(trial.device)
    graph = _ORT_GRAPH.format(kind=kind, index=index) if way.cuda_graphs else ""
    return "\n".join(lines) + _ORT_BOUND.format(kind=kind, index=index, graph=graph)


_ORT_BOUND = """
binding = session.io_binding()
for name in names:
    value = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(feed[name]), "{kind}", {index})
    binding.bind_ortvalue_input(name, value)
for output in session.get_outputs():
    binding.bind_output(output.name, "{kind}", {index})
{graph}
def call():
    session.run_with_iobinding(binding)
    return binding.get_outputs()
"""

_ORT_GRAPH = """
without = onnxruntime.RunOptions()
without.add_run_config_entry("gpu_graph_id", "-1")
session.run_with_iobinding(binding, without)
for output, value in zip(session.get_outputs(), binding.get_outputs()):
    shape, kind = value.shape(), value.element_type()
    own = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, kind, "{kind}", {index})
    binding.bind_ortvalue_output(output.name, own)
"""
