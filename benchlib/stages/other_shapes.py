"""An export with free shapes at shapes that it was not made for, against the judge at the same ones.

The sizes are chosen by `benchlib.models._shape_sets`; the values all stand in the recorded inputs. A shape at which
the judge itself fails says nothing and is left out; one at which only the session fails makes the trial `inaccurate`:
what it answers there, nothing, is not what the model answers.
"""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from benchlib import accuracy, tensors
from benchlib.models import _shape_sets
from benchlib.stages import judge
from benchlib.worker.client import WorkerError

if TYPE_CHECKING:
    from benchlib.stages.steps import TrialRun

# How a figure of `discrepancies_*` comes from those at several shapes.
TOGETHER = {"abs": max, "rel": max, "share": max, "dnan": sum, "n": sum, "avg": mean}


def check(run: TrialRun) -> None:
    """Adds `discrepancies_dynamic_*` to the trial's check, and what is wrong at other shapes to its verdict."""
    shapes, files = _inputs(run)
    result = run.check_result
    if not files:
        result.metrics["dynamic_shapes"] = ""
        return
    judging = judge.judge_of(run, files, shapes)
    opened, found, problems = run.opened[-1], {}, []
    for number in judging.sets:
        words = in_words(shapes[number - 1])
        path = run.scratch / f"outputs-shape-{number}.npz"
        try:
            opened.outputs_for(files[number], path, thin=True)
        except WorkerError as error:
            if error.kind != "failed":
                raise
            problems.append(f"at {words} it fails: {error.message.strip().splitlines()[0]}")
            continue
        found[number] = judging.compare(number, path, discrepancies=True)
        if not found[number].equal:
            problems.append(f"at {words}: {found[number].problem}")
    result.metrics["dynamic_shapes"] = "; ".join(in_words(shapes[n - 1]) for n in judging.sets)
    result.metrics |= _together([c.metrics for c in found.values()])
    result.rows += [{"inputs": in_words(shapes[n - 1]), **row} for n, c in found.items() for row in c.rows]
    if problems:
        later = accuracy.Check(False, "; ".join(problems))
        judge.spoilt(result, run, len(run.ways) - 1, later, "at shapes that the export has not seen: ")


def in_words(sizes: dict[str, int]) -> str:
    """`batch 7, seq_length 5`."""
    return ", ".join(f"{name} {size}" for name, size in sizes.items())


def _inputs(run: TrialRun) -> tuple[list[dict[str, int]], dict[int, Path]]:
    """The shapes, and a file of inputs for each by its number, from 1 on."""
    axes = {n: {int(axis): free for axis, free in own.items()} for n, own in run.model.meta["axes"].items()}
    flat, structure = tensors.load(run.model.inputs)
    recorded = tensors.unflatten(structure, flat)
    exported = run.artifacts[run.trial.way.label].facts.get("exported_at")
    shapes = _shape_sets.shape_sets(axes, _shape_sets.sizes_of(recorded, axes), exported)
    files: dict[int, Path] = {}
    for number, sizes in enumerate(shapes, start=1):
        files[number] = run.scratch / f"inputs-shape-{number}.npz"
        tensors.save(files[number], _shape_sets.resized(recorded, axes, sizes))
    return shapes, files


def _together(metrics: list[dict[str, Any]]) -> dict[str, Any]:
    found = {name: [m[f"discrepancies_{name}"] for m in metrics if f"discrepancies_{name}" in m] for name in TOGETHER}
    return {f"discrepancies_dynamic_{name}": TOGETHER[name](values) for name, values in found.items() if values}
