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
from benchlib.runtimes.onnxruntime import LEVELS


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
    device = trial.device
    there, back = ("x", "x") if device == "cpu" else (f'x.to("{device}")', "x.cpu()")
    bfloat16 = '.view(torch.bfloat16) if name in head["labels"] else torch.from_numpy(a)'
    return f'''sys.path += {meta["import_paths"]!r}
import torch

torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.set_float32_matmul_precision("highest")
torch.backends.cudnn.allow_tf32 = False
module = torch.load(artifact, map_location="cpu", mmap=True, weights_only=False).to("{device}"){compiled}
host = {{name: torch.from_numpy(a.view(np.int16)){bfloat16} for name, a in inputs.items()}}

def tensors(nested):
    if isinstance(nested, torch.Tensor):
        return [nested]
    nested = nested.values() if hasattr(nested, "values") else nested if isinstance(nested, (list, tuple)) else []
    return [t for item in nested for t in tensors(item)]

def flat(out):
    return [t.detach().cpu().numpy() for t in tensors(out)]

@torch.inference_mode()
def call():
    leaf = {{name: {there} for name, x in host.items()}}
    out = module({args}**{{{kwargs}}})
    return {"out" if device == "cpu" else f"[{back} for x in tensors(out)]"}
'''


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
    given = {k: str(v) for k, v in options.get("provider_options", {}).items()}
    if trial.device != "cpu":
        lines.append("onnxruntime.preload_dlls()")
        given = {"device_id": trial.device.partition(":")[2] or "0", "use_tf32": "0", **given}
    lines += [
        f"session = onnxruntime.InferenceSession(artifact, options, providers=[({way.provider!r}, {given!r})])",
        "names = [i.name for i in session.get_inputs()]",
        "feed = {n: inputs[n] for n in names} if set(names) <= set(inputs) else dict(zip(names, inputs.values()))",
        "",
        "def flat(out):",
        "    return out",
        "",
        "def call():",
        "    return session.run(None, feed)",
        "",
    ]
    return "\n".join(lines)
