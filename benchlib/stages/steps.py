"""A trial as its notebook runs it: six steps, each of which turns the results of earlier ones into its own.

What a step does with a failure stands in `benchlib.stages.guard`; what it makes, in the module that it calls.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Mapping
from typing import Any

from benchlib.dtypes import OWN
from benchlib.errors import UnknownName, UserError
from benchlib.measure.samples import Samples
from benchlib.mistakes import make
from benchlib.stages import decisions, other_shapes, views
from benchlib.stages.assemble import assemble
from benchlib.stages.builder import Builder
from benchlib.stages.comparison import compare, make_first_calls, take_findings
from benchlib.stages.context import start_context
from benchlib.stages.driver import tell
from benchlib.stages.exporting import export_all
from benchlib.stages.ground_truth import GroundTruths
from benchlib.stages.guard import step
from benchlib.stages.loading import load
from benchlib.stages.measuring import evaluate, profile, time_contenders
from benchlib.stages.outcome import Outcome, require_result
from benchlib.stages.sessions import open_sessions
from benchlib.trial import Trial


def begin(parameters: Mapping[str, Any]) -> TrialRun:
    """Starts a trial from a namespace that holds its parameters (a notebook's `globals()`). Raises UserError."""
    values = {name: parameters[name] for name in Trial.model_fields if name in parameters}
    if isinstance(values.get("model"), views.View):
        raise UserError("`model` is the loaded model by now: run the parameters cell again first")
    for name in _injected(parameters):
        if name not in Trial.model_fields:
            raise UnknownName("parameter", name, Trial.model_fields)
    return TrialRun(make(values).with_own_dtype())


def _injected(namespace: Mapping[str, Any]) -> list[str]:
    """The names that Papermill's `-p` and `-y` set: those assigned in the cell that it puts into the notebook."""
    cells = [source for source in namespace.get("In", ()) if source.startswith("# Parameters\n")]
    statements = [s for s in ast.parse(cells[-1]).body if isinstance(s, ast.Assign)] if cells else []
    return [target.id for s in statements for target in s.targets if isinstance(target, ast.Name)]


class TrialRun:
    """One trial on its way through the steps. The notebook keeps it in `trial`."""

    def __init__(self, trial: Trial):
        self._start(trial)

    def _start(self, trial: Trial) -> None:
        self.trial = trial
        self.context, self.outcome = start_context(trial), Outcome()
        self._builder = Builder(self.context.launcher, self.context.level.start)

    @property
    def samples(self) -> Samples | None:
        """Every sample; None where nothing was measured."""
        return self.outcome.samples

    # -- the steps -------------------------------------------------------------------------------

    @step
    def load(self) -> views.View:
        """Loads the model and one batch of inputs, in a worker; both are kept in the cache."""
        self.outcome.model = load(self.context, self._builder)
        return views.ModelView(self.trial, self.outcome.model)

    @step
    def export(self) -> views.View:
        """Makes the artifact of every contender: export and passes, each once."""
        for label, artifact in export_all(self.context, require_result(self.outcome.model, "load"), self._builder):
            self.outcome.artifacts[label] = artifact
        return views.ArtifactView(self.trial, self.outcome.artifacts[self.trial.way.label])

    @step
    def open(self) -> views.View:
        """Opens each contender in a worker of its own; the hashes of weights and inputs have to agree."""
        outcome = self.outcome
        artifacts = require_result(outcome.artifacts, "export")
        for opened in open_sessions(self.context, require_result(outcome.model, "load"), artifacts):
            outcome.sessions.append(opened)  # one by one: the record tells what was open when another one failed
        return views.SessionView(outcome.sessions)

    @step
    def check(self) -> views.View:
        """Makes each session's first call, then one on each other set of inputs, and compares with the ground truth;
        with free shapes at other shapes too."""
        # Each result is noted as it comes: the record tells what was there when a later one failed.
        context, outcome = self.context, self.outcome
        model, sessions = require_result(outcome.model, "load"), require_result(outcome.sessions, "open")
        answers = make_first_calls(context, sessions)
        outcome.output_size = answers[-1].output_size
        truths = GroundTruths(context, model, outcome.artifacts)
        outcome.ground_truth = truths.at_recorded_inputs()
        outcome.comparison = compare(context, model, sessions, outcome.ground_truth, answers)
        if not outcome.ground_truth.missing and outcome.ground_truth.nature.repeats:  # else there is nothing to settle
            outcome.decisions = decisions.examine(context, model, outcome.artifacts, outcome.ground_truth)
            take_findings(outcome.comparison, context, outcome.decisions)
        if context.trial.dynamic and outcome.ground_truth.nature.repeats:
            other_shapes.check(outcome.comparison.check, truths, sessions[-1])
        return views.CheckView(outcome.comparison.check, outcome.comparison.unverified)

    @step
    def measure(self) -> views.View:
        """Times the contenders in interleaved rounds, in several processes each; then memory and energy, if asked."""
        context, outcome = self.context, self.outcome
        model, comparison = require_result(outcome.model, "load"), require_result(outcome.comparison, "check")
        try:
            measurement = time_contenders(context, model, outcome.sessions, comparison)
            outcome.measurement = measurement
            outcome.profile = profile(context, outcome.sessions)
        finally:
            context.launcher.end()
        outcome.timing = evaluate(context, model, outcome.artifacts, outcome.sessions, comparison, measurement)
        return views.TimingView(self.trial, measurement.samples, outcome.timing.metrics, outcome.profile)

    def record(self) -> views.RecordView:
        """The record of the trial, whatever came of it; displayed, it is stored in the notebook."""
        self.end()
        tell("record", 60.0)
        record = assemble(self.context, self.outcome)
        shutil.rmtree(self.context.scratch, ignore_errors=True)
        return views.RecordView(record, self.samples)

    # -- by hand ---------------------------------------------------------------------------------

    def use(self, module: Any, inputs: Any = None) -> views.View:
        """From here on `module` itself, edits included, is what is exported and timed.

        Args:
            module: a `torch.nn.Module`.
            inputs: a tensor, a tuple or a mapping of what forward takes; None: those of the model that was loaded.
        """
        from benchlib.artifacts import root
        from benchlib.models import python

        changes: dict[str, Any] = {"label": self.trial.label or self.trial.model_name, "model_args": {}, "dtype": OWN}
        if inputs is None:
            model = require_result(self.outcome.model, "load")
            inputs, by_position = views.ModelView(self.trial, model).inputs, model.metadata.positional
            inputs = [inputs[name] for name in by_position] if len(by_position) == len(inputs) else inputs
        else:
            changes |= {"batch_size": python.batch_of(inputs), "inputs": None}
        changes["model"] = python.store(module, inputs, root())
        self.context.launcher.end()
        self._start(make({**self.trial.model_dump(), **changes}))
        return self.load()

    def restart(self) -> None:
        """Forgets what the steps came to: the next one is `load`."""
        self._start(self.trial)

    def end(self) -> None:
        """Ends every process of the trial."""
        self.context.launcher.end()
        self.context.warm.close()
