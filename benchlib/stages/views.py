"""What the steps return: a small table worth looking at, and the live things one attribute away."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from benchlib import onnx_links, tensors
from benchlib.accuracy import Check
from benchlib.artifacts.shown import in_bytes
from benchlib.measure.contender import Opened
from benchlib.measure.levels import level_of
from benchlib.measure.samples import Samples
from benchlib.measure.verdicts import in_words
from benchlib.record import OperatorTime, Record, scrap
from benchlib.record.metrics import Metrics
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.loading import Model
from benchlib.stages.outcome import StepFailure
from benchlib.stages.picture import Picture
from benchlib.stages.shown import allowed, because, beside, interval, of_pass, ratio, seconds
from benchlib.trial import Trial


class View:
    """A title and rows of (label, value), shown as a small table."""

    title = ""

    def rows(self) -> list[tuple[str, Any]]:
        return []

    def __repr__(self) -> str:
        rows = self.rows()
        width = max((len(label) for label, _ in rows), default=0)
        return "\n".join([self.title, *(f"  {label:<{width}}  {value}" for label, value in rows)])

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
            f"<td style='text-align:left; overflow-wrap:anywhere'>{html.escape(str(value))}</td></tr>"
            for label, value in self.rows()
        )
        style = "text-align:left; padding:.3em .5em; white-space:nowrap"
        return f"<table><caption style='{style}'>{html.escape(self.title)}</caption>{cells}</table>"


class FailureView(View):
    """A step that failed: the outcome of the trial, not a traceback. `traceback` has the whole of it."""

    def __init__(self, ended: StepFailure):
        self.failure, self.traceback = ended.failure, ended.failure.traceback
        self.title = f"{ended.status} at stage {ended.failure.stage}"

    def rows(self):
        return [(self.failure.type, self.failure.message)]

    def plot(self) -> None:
        """There is nothing to draw."""


class NotReached(View):
    """A step behind the one that failed."""

    def __init__(self, name: str, ended: StepFailure):
        self.title = f"{name}: not reached, the trial ended as {ended.status} at stage {ended.failure.stage}"

    def plot(self) -> None:
        """There is nothing to draw."""


class NotAsked(View):
    """A step beyond `until`."""

    def __init__(self, name: str, trial: Trial):
        self.title = f"{name}: not asked for (until: {trial.until})"

    def plot(self) -> None:
        """There is nothing to draw."""


class ModelView(View):
    """The loaded model. `module` and `inputs` bring the live objects into this kernel (and torch with them)."""

    def __init__(self, trial: Trial, model: Model):
        self.trial, self._model, self.metrics = trial, model, model.metadata.metrics
        self.title = trial.model_name

    def rows(self):
        m = self.metrics
        size = f"{m['params_size']:,} ({m.get('params_dtype', '')})" if m.get("params_size") else None
        classic = f"{m['ml_values']:,} ({in_bytes(m['ml_values_size'])})" if m.get("ml_values") else None
        rows = [
            ("class", m.get("model_class")),
            ("weights", m.get("model_weights")),
            ("parameters", size),
            ("mode", m.get("training_mode")),
            ("otherwise than given", m.get("given_otherwise")),
            ("values of classic models", classic),
            ("inputs", m["input_shapes"]),
            ("guessed", m.get("inputs_guessed")),
            ("loaded in", f"{seconds(m['time_load'])}{' (cached)' if self._model.cached else ''}"),
        ]
        return [(label, value) for label, value in rows if value]

    @cached_property
    def module(self) -> Any:
        """The live module, as the workers hold it. Imports torch into this kernel."""
        import sys

        from benchlib.models._saved import open_saved

        sys.path.extend(p for p in self._model.metadata.import_paths if p not in sys.path)
        return open_saved(self._model.module_file)

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """The example inputs, as the nesting of torch tensors that the module takes."""
        flat, structure = tensors.load(self._model.inputs)
        self.module  # noqa: B018 - it brings the classes of a script
        return tensors.as_given(structure, flat)


class ArtifactView(View):
    """The exported artifact. `onnx` is the graph, loaded on demand."""

    title = "artifact"

    def __init__(self, trial: Trial, artifact: BuiltArtifact):
        self.path: Path = artifact.file
        self.metadata, self.cached = artifact.metadata, artifact.cached
        self.title = trial.way.label

    def rows(self):
        metadata, metrics, rows = self.metadata, self.metadata.metrics, []
        if metadata.time_export is not None:
            rows.append(("exported in", f"{seconds(metadata.time_export)}{' (cached)' if self.cached else ''}"))
        if metrics.get("onnx_n_nodes"):
            rows += [
                ("graph", f"{metrics['onnx_n_nodes']:,} nodes, opset {metrics['onnx_opset']}"),
                ("size", f"{metrics['onnx_filesize'] / 1e6:,.1f} MB"),
            ]
        rows += [(f"pass {step.name}", of_pass(step)) for step in metadata.passes]
        if sizes := metadata.exported_at:
            rows.append(("free shapes", f"exported at {', '.join(f'{n} {size}' for n, size in sizes.items())}"))
        if metrics.get("decisions"):
            rows.append(("decided by the recorded inputs", metrics["decisions"]))
        return [*rows, ("file", self.path.name)]

    @cached_property
    def onnx(self) -> Any:
        """The ONNX model (an `onnx.ModelProto`). Raises AttributeError for an artifact that is none."""
        if self.path.suffix != ".onnx":
            raise AttributeError(f"{self.path.name} is no ONNX file")
        return onnx_links.load(self.path)


class SessionView(View):
    """The open sessions of all contenders, by label."""

    title = "open sessions"

    def __init__(self, sessions: list[Opened]):
        self.sessions = [(opened.contender.label, opened.session) for opened in sessions]

    def rows(self):
        return [
            (label, f"{s.providers}, {s.threads} threads, opened in {seconds(s.time_session)}")
            for label, s in self.sessions
        ]


class CheckView(View):
    """What the outputs were held against, and how far they are off."""

    def __init__(self, check: Check, unverified: str = ""):
        self.equal, self.problem, self.metrics = check.equal, check.problem or unverified, check.metrics
        self.outputs = check.rows  # the figures of each output for each set of inputs
        right = "cannot be compared" if unverified else f"computes the same as {self.metrics['judged_by']}"
        self.title = right if check.equal else "computes something else"

    def rows(self):
        m = self.metrics
        rows = [
            ("problem", self.problem),
            ("ground truth", f"{m['judged_by']}{because('; not float64: ', m['judge_fallback'])}"),
            ("the model is", m.get("ground_truth_is", "")),
            ("compared for", f"{len(m['input_seeds'].split(', ('))} sets of inputs"),
            ("for one value alone", m.get("inputs_not_moved", "")),
            ("not compared", m.get("outputs_not_compared", "")),
            ("the same for all inputs", m.get("outputs_constant", "")),
            ("allowed", f"{allowed(m)}{because(', because: ', m['tolerance_reason'])}"),
        ]
        if self.outputs:
            rows.append(("largest error", f"{max(row.max_abs for row in self.outputs):.3g}"))
            where = because(" at ", m.get("worst_slice", ""))
            rows.append(("largest share of it", f"{m.get('slice_share', m['tolerance_share']):.3g}{where}"))
        if "rmse_ratio" in m:
            against = f"RMSE {m['rmse']:.2g} against {m['rmse_eager']:.2g}"
            rows.append(("error ÷ eager's own", f"{m['rmse_ratio']:.3g} ({against})"))
        if m.get("dynamic_shapes"):
            rows.append(("other shapes", m["dynamic_shapes"]))
        rows.append(("decided by the recorded inputs", m.get("decisions")))
        if "top1_agreement" in m:
            rows.append(("first class, first five", f"{m['top1_agreement']:.2%}, {m['top5_overlap']:.2%} the same"))
        return [(label, value) for label, value in rows if value]


class ProfileView(View):
    """The operators in which a call spends its time, the slowest first; `operators` has them all."""

    SHOWN = 12

    def __init__(self, operators: list[OperatorTime]):
        self.operators, self.title = operators, "time per operator, profiled"

    def rows(self):
        whole = sum(row.seconds for row in self.operators) or 1.0
        rows = [
            (row.operator, f"{seconds(row.seconds)} ({row.seconds / whole:.0%}), "
             f"{row.calls:g} ×, {row.provider.removesuffix('ExecutionProvider')}")
            for row in self.operators[: self.SHOWN]
        ]  # fmt: skip
        others = self.operators[self.SHOWN :]
        return [*rows, (f"{len(others)} others", seconds(sum(row.seconds for row in others)))] if others else rows


class TimingView(View):
    """What measuring gave. `samples` holds every sample, `plot()` draws them; `profile` is there when asked for."""

    def __init__(self, trial: Trial, samples: Samples, metrics: Metrics, operators: Sequence[OperatorTime] = ()):
        self.samples, self.metrics, self.profile = samples, metrics, ProfileView(list(operators)) if operators else None
        self.title = f"{trial.model_name}, {trial.way.label}"
        self._decides = math.isfinite(level_of(trial).margin)

    def rows(self):
        m = self.metrics
        per_second = f"{m['throughput']:{',.0f' if m['throughput'] >= 1000 else '.4g'}} items/s"
        rows = [("latency", interval(m, "time_latency", seconds)), ("throughput", per_second)]
        if m.get("speedup"):
            verdict = m.get("verdict") if self._decides else "this level decides nothing"
            said = [f"{ratio(m, 'speedup')} ×", *filter(None, [verdict])]
            rows.append((f"speedup over {m['reference_way']}", " · ".join(said)))
        if m.get("disturbed_by"):
            rows.append(("disturbed", in_words(m["disturbed_by"])))
        if m.get("waited_for_quiet"):
            rows.append(("waited for a quiet host", seconds(m["waited_for_quiet"])))
        if m.get("not_comparable"):
            rows.append((f"speedup over {m['reference_way']}", f"not comparable: {m['not_comparable']}"))
        rows += beside(m)
        if m.get("peak_share"):
            rate = f"{m['flop_rate'] / 1e9:,.3g} GFLOP/s"
            rows.append(("arithmetic", f"{rate}, {m['peak_share']:.0%} of what large matrix products reach here"))
        if m.get("processes_differ"):
            rows.append(("processes", f"the slowest takes {m['process_spread']:.0%} longer than the fastest"))
        processes = f"{m['processes']} processes" if m["processes"] > 1 else "one process"
        return [*rows, ("samples", f"{m['repeat']:,} in {processes}, after {m['warmup']:,} warm-up calls")]

    def __repr__(self) -> str:
        return "\n".join([super().__repr__(), *([repr(self.profile)] if self.profile else [])])

    def _repr_html_(self) -> str:
        return super()._repr_html_() + (self.profile._repr_html_() if self.profile else "")

    def plot(self) -> Picture:
        """Every steady sample against the time at which it was taken, a colour per contender."""
        return Picture(self.samples)


class RecordView(View):
    """The record. Displaying it stores it, and the samples, in the notebook."""

    def __init__(self, record: Record, samples: Samples | None):
        self.record, self.samples = record, samples
        self.title = f"{record.status}: {record.metrics['_index']}"

    def rows(self):
        rows = [("key", self.record.key)]
        if self.record.reason:
            rows.append(("reason", self.record.reason))
        if withheld := self.record.metrics.get("verdict_withheld"):
            rows.append(("no verdict", withheld))
        return [*rows, ("again", self.record.reproduce)]

    def _ipython_display_(self) -> None:
        from IPython.display import display, publish_display_data

        publish_display_data({"text/plain": repr(self), "text/html": self._repr_html_()})
        samples = self.samples and self.samples.encode()
        for name, data in ((scrap.RECORD, self.record.to_json()), (scrap.SAMPLES, samples)):
            if data:
                bundle, metadata = scrap.payload(name, data)
                display(bundle, metadata=metadata, raw=True)
