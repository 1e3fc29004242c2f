"""An export with free shapes at shapes that it was not made for, against the ground truth at the same ones.

The sizes are chosen by `benchlib.models._shape_sets`; the values all stand in the recorded inputs. A shape at which
the ground truth itself fails says nothing and is left out; one at which only the session fails makes the trial
`inaccurate`: what it answers there, nothing, is not what the model answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

from benchlib import tensors
from benchlib.accuracy import Check
from benchlib.measure.contender import Opened
from benchlib.models import _shape_sets
from benchlib.record.metrics import Metrics
from benchlib.stages.comparison import blame
from benchlib.stages.context import Context
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.ground_truth import GroundTruths, Sizes
from benchlib.stages.loading import Model
from benchlib.worker.client import WorkerError

# How a figure of `discrepancies_*` comes from those at several shapes.
_TOGETHER: dict[str, Callable[[Sequence[float]], float]] = {
    "abs": max, "rel": max, "share": max, "dnan": sum, "n": sum, "avg": mean,
}  # fmt: skip


def check(result: Check, truths: GroundTruths, session: Opened) -> None:
    """Adds `discrepancies_dynamic_*` to the trial's check, and what is wrong at other shapes to its verdict.

    Raises:
        WorkerError: when the session dies; what it only cannot compute is a finding.
    """
    context = truths.context
    shapes, files = _inputs(context, truths.model, truths.artifacts[context.trial.way.label])
    if not files:
        result.metrics["dynamic_shapes"] = ""
        return
    truth = truths.at_shapes(files, shapes)
    checks: dict[int, Check] = {}
    problems: list[str] = []
    for number in truth.sets:
        words = _in_words(shapes[number - 1])
        path = context.scratch / f"outputs-shape-{number}.npz"
        try:
            session.outputs_for(files[number], path, thin=True)
        except WorkerError as error:
            if error.kind != "failed":
                raise
            problems.append(f"at {words} it fails: {error.message.strip().splitlines()[0]}")
            continue
        checks[number] = truth.check({number: path})
        if not checks[number].equal:
            problems.append(f"at {words}: {checks[number].problem}")
    result.metrics["dynamic_shapes"] = "; ".join(_in_words(shapes[n - 1]) for n in truth.sets)
    result.metrics |= _combine([c.metrics for c in checks.values()])
    result.rows += [replace(row, inputs=_in_words(shapes[n - 1])) for n, c in checks.items() for row in c.rows]
    if problems:
        wrong = Check(False, "; ".join(problems))
        blame(result, context, len(context.ways) - 1, wrong, "at shapes that the export has not seen: ")


def _inputs(context: Context, model: Model, artifact: BuiltArtifact) -> tuple[list[Sizes], dict[int, Path]]:
    """The shapes, and a file of inputs for each by its number, from 1 on."""
    axes = model.metadata.axes
    recorded, structure = tensors.load(model.inputs)
    exported_at = artifact.metadata.exported_at or None
    shapes: list[Sizes] = [*_shape_sets.shape_sets(axes, _shape_sets.sizes_of(recorded, axes), exported_at)]
    files: dict[int, Path] = {}
    for number, sizes in enumerate(shapes, start=1):
        files[number] = context.scratch / f"inputs-shape-{number}.npz"
        tensors.save_flat(files[number], _shape_sets.resized(recorded, axes, sizes), structure)
    return shapes, files


def _combine(checks: Sequence[Metrics]) -> Metrics:
    """The figures at several shapes as one."""
    combined = Metrics()
    for name, combine in _TOGETHER.items():
        values = [m[f"discrepancies_{name}"] for m in checks if f"discrepancies_{name}" in m]
        if values:
            combined[f"discrepancies_dynamic_{name}"] = combine(values)
    return combined


def _in_words(sizes: Sizes) -> str:
    """`batch 7, seq_length 5`."""
    return ", ".join(f"{name} {size}" for name, size in sizes.items())
