"""Does plain `torch.onnx.export` succeed where an export of a finished study failed?

    python -m tests.bench.plain_export outputs/coverage [--all] [--timeout SECONDS]

Every trial that failed at export with `script` (`dynamo=False`) or `onnx_dynamo` (`dynamo=True`) is exported once more
by `torch.onnx.export` itself, outside benchlib's exporters, in a process of its own: the same model with the same
example inputs, as its source loads them, in the nesting that it takes, and the same dimensions free. One that succeeds
there is a mistake of ours: it is listed, and the exit status is 1. With `--all`, trials that did not fail at export
are exported too, and a table says how the two compare.

`dynamo=False` has a second try for models of transformers, because of version 5 of it: they return mappings and caches
that a tracer refuses. The wrapper passes the tensors by keyword and returns those of the outputs; it is named where
it was needed. Ways that differ in their passes only share an export, and are tried once.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchlib.errors import UserError
from benchlib.execution.store import TRIALS
from benchlib.record import Record, scrap
from benchlib.report.collate import read
from benchlib.way import canonical

DYNAMO = {"script": False, "onnx_dynamo": True}
# What decides an export; all other parameters say what becomes of it.
ASKED = (
    "model", "exporter", "target_opset", "dynamic", "dtype", "batch_size", "seq_length", "height", "width", "shapes",
    "inputs", "model_args", "attn_implementation", "with_loss", "seed",
)  # fmt: skip
ENDS = {True: "succeeds", False: "fails", None: "unknown"}  # unknown: it did not come so far as to export
AT_LEAST = 2  # items in a batch that is to stay free: a dimension of one is taken for a constant


@dataclass(frozen=True)
class Ours:
    """An export of the study, with the names of the trials that share it."""

    trial: dict[str, Any]
    failed: bool
    names: tuple[str, ...]

    @property
    def title(self) -> str:
        shapes = "dynamic" if self.trial.get("dynamic") else "static"
        return f"{self.trial.get('label') or self.trial['model']}, {self.trial['exporter']}, {shapes}"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.plain_export", description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path, help="the folder of a finished study")
    parser.add_argument("--all", action="store_true", help="exports that did not fail, too")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for each export (default: 600)")
    asked = parser.parse_args(words)
    try:
        read(asked.study)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    records, _ = scrap.read_all(asked.study / TRIALS)
    exports = exports_of(records.values())
    chosen = [ours for ours in exports if ours.failed or asked.all]
    table: Counter[tuple[str, str]] = Counter()
    for ours in chosen:
        found = in_a_process(ours.trial, asked.timeout)
        table["failed" if ours.failed else "exported", ENDS[found["ok"]]] += 1
        mark = "MISSED" if ours.failed and found["ok"] is not False else "ok"
        print(f"  {mark:<6}  plain: {ENDS[found['ok']]:<8}  {ours.title}  ({found['said']})", flush=True)
        if mark == "MISSED":
            print(*(f"{'':24}{name}" for name in ours.names), sep="\n", flush=True)
    print(in_words(len(exports), table, asked.all))
    return int(table["failed", "succeeds"] + table["failed", "unknown"] > 0)


def exports_of(records: Iterable[Record]) -> list[Ours]:
    """The exports of a study by the exporters that plain calls exist for, each once. One has failed when any of its
    trials says so: whatever ended at export, by an exception or otherwise."""
    found: dict[str, list[Record]] = {}
    for record in records:
        trial = record.trial
        if _family(trial) in DYNAMO and record.status not in ("refused", "skipped"):
            found.setdefault(canonical({n: trial.get(n) for n in ASKED}), []).append(record)
    return [
        Ours(dict(own[0].trial), any(r.stage == "export" for r in own), tuple(r.name for r in own))
        for own in found.values()
    ]


def in_words(exports: int, table: Mapping[tuple[str, str], int], all_: bool) -> str:
    """The last lines: how both compare."""
    failed = {word: table["failed", word] for word in ENDS.values()}
    lines = [
        f"\n{exports} exports, of which {sum(failed.values())} failed here; of those plain torch.onnx.export fails for "
        f"{failed['fails']}, succeeds for {failed['succeeds']} and could not be tried for {failed['unknown']}"
    ]
    if all_:
        own = {word: table["exported", word] for word in ("succeeds", "fails")}
        lines.append(
            f"{sum(own.values())} were exported here; of those plain torch.onnx.export succeeds for {own['succeeds']} "
            f"and fails for {own['fails']}"
        )
    return "\n".join([*lines, f"{failed['succeeds'] + failed['unknown'] or 'none'} missed"])


def in_a_process(trial: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """{"ok": as in ENDS, "said"} of a plain export of a trial, in a process that is ended with all that it started."""
    with tempfile.TemporaryDirectory(prefix="benchlib-plain-") as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "tests.bench.plain_export", "--one", str(answer)]
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        child = subprocess.Popen(command, text=True, start_new_session=True, **streams)
        try:
            child.communicate(json.dumps(trial), timeout)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            return {"ok": False, "said": f"did not end within {timeout:g} s"}
        if not answer.exists():
            return {"ok": False, "said": f"its process ended with {child.returncode}"}
        return json.loads(answer.read_text())


def one(answer: Path) -> None:
    """What the process does: reads a trial, loads its model, exports it, writes {"ok", "said"}."""
    from benchlib.models import parse
    from benchlib.registries import sources

    trial = json.load(sys.stdin)
    if trial.get("dynamic"):
        trial["batch_size"] = max(AT_LEAST, trial["batch_size"])
    source, name = parse(trial["model"])
    try:
        model = sources.get(source).load(name, SimpleNamespace(**trial))
        if model.module is None:
            raise UserError("there is no module: the model is a file")
    except Exception as error:  # the study had got beyond this
        found = {"ok": None, "said": f"does not load: {_line(error)}"}
    else:
        axes = model.axes if trial.get("dynamic") else {}
        found = plain(model, DYNAMO[_family(trial)], axes, trial.get("target_opset"), answer.parent / "plain.onnx")
    answer.write_text(json.dumps(found))


def plain(
    model: Any, dynamo: bool, axes: Mapping[str, Mapping[int, str]], opset: int | None, file: Path
) -> dict[str, Any]:
    """Calls `torch.onnx.export` on a LoadedModel: {"ok", "said"}. `axes` are the free dimensions by flat name."""
    from benchlib import tensors

    inputs = tensors.apply(tensors.to_torch, model.inputs)
    ordered = {n: inputs[n] for n in (*model.positional, *(n for n in inputs if n not in model.positional))}
    leaves, structure = tensors.flatten(ordered)
    args = tuple(inputs[n] for n in model.positional)
    kwargs = {n: value for n, value in ordered.items() if n not in model.positional}
    if dynamo:
        how = {"dynamo": True, "dynamic_shapes": _shapes(structure.tree, axes) if axes else None}
        return _tried(model.module, args, kwargs, file, axes, opset_version=opset, **how)
    how = {"dynamo": False, "input_names": list(leaves), "dynamic_axes": dict(axes) or None, "opset_version": opset}
    found = _tried(model.module, args, kwargs, file, axes, **how)
    if found["ok"] or not type(model.module).__module__.startswith("transformers."):
        return found
    again = _tried(_wrapped(model.module, list(leaves)), tuple(leaves.values()), {}, file, axes, **how)
    return {**again, "said": f"in a wrapper: {again['said']}"}


def _tried(module: Any, args: tuple, kwargs: dict, file: Path, axes: Mapping, **options: Any) -> dict[str, Any]:
    import onnx
    import torch

    try:
        with torch.no_grad():
            torch.onnx.export(module.eval(), args, str(file), kwargs=kwargs or None, **options)
    except BaseException as error:  # whatever it raises is its answer
        return {"ok": False, "said": _line(error)}
    graph = onnx.load(file, load_external_data=False).graph
    free = sum(bool(d.dim_param) for value in graph.input for d in value.type.tensor_type.shape.dim)
    wanted = sum(map(len, axes.values()))
    if free < wanted:
        return {"ok": False, "said": f"a graph, but only {free} of {wanted} dimensions are free"}
    return {"ok": True, "said": f"{len(graph.node):,} nodes"}


def _wrapped(module: Any, names: list[str]) -> Any:
    """The module on tensors in the order of `names`, passed by keyword; it returns the tensors of its outputs."""
    import torch

    class Tensors(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.module = module

        def forward(self, *given):
            outputs = self.module(**dict(zip(names, given, strict=True)))
            return tuple(value for value in outputs.values() if isinstance(value, torch.Tensor))

    return Tensors()


def _shapes(tree: Any, axes: Mapping[str, Mapping[int, str]]) -> Any:
    """`dynamic_shapes` in the nesting of the inputs, the tree of a `Structure`: which dimensions of each tensor are
    free; None of a constant, and the parts of an object in a list, as torch's own tree has them."""
    import torch

    kind, content = tree[0], tree[-1]
    if kind == "leaf":
        return dict.fromkeys(axes.get(content, {}), torch.export.Dim.DYNAMIC)
    if kind == "constant":
        return None
    if kind == "dict":
        return {key: _shapes(item, axes) for key, item in content}
    items = [_shapes(item, axes) for item in ([part for _, part in content] if kind == "object" else content)]
    return tuple(items) if kind == "tuple" else items


def _family(trial: Mapping[str, Any]) -> str:
    """`onnx_dynamo` of `onnx_dynamo-fallback`."""
    return str(trial["exporter"]).partition("-")[0]


def _line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
