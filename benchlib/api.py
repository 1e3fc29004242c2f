"""The same as the command line, from Python: `benchlib.run(…)` and `benchlib.sweep("params/x.yaml")`.

What is asked for is judged and expanded here. The trials run in a process of their own (`benchlib.execution.child`),
so that a notebook with torch and a model in it neither disturbs the measurement nor is disturbed by it.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from benchlib.errors import UserError
from benchlib.execution.child import Order, carry_out
from benchlib.execution.resume import Rerun
from benchlib.plan import study as studies
from benchlib.plan.expand import Plan, expand
from benchlib.plan.in_words import counted
from benchlib.plan.only import select
from benchlib.template_files import outputs

if TYPE_CHECKING:
    import pandas as pd

    from benchlib.choosing import Choice

_AXIS_VALUES = (list, tuple)
_RERUN = ("", "failed", "all")


class Results:
    """What came of some trials; displays well.

    Attributes:
        folder: where their executed notebooks lie.
        records: the records of the trials that ran (`benchlib.record.Record`), in the order of the plan.
    """

    def __init__(self, folder: Path, plan: Plan, ran: Mapping[str, str] | None = None):
        """Reads the trials of `plan` from `folder`.

        Args:
            folder: the folder of a study.
            plan: the trials, a row each.
            ran: the keys of the trials that ran; all others are rows with status "not run", whatever the folder holds
                of them. None: the folder as it stands.
        """
        from benchlib.report import StoredPlan, collate, read

        self.folder = folder
        self._results = collate(folder)
        if ran is not None:
            self._results = read(folder, StoredPlan.of(plan.resolved(), folder.name), ran)
        self.records = [self._results.records[key] for key in self.frame["key"] if key in self._results.records]

    @property
    def frame(self) -> pd.DataFrame:
        """One row per trial: its parameters, how it ended, every metric (seconds and bytes)."""
        return self._results.table

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        from benchlib.report import summary

        return summary(self._results)

    def _repr_html_(self) -> str:
        from benchlib.report import summary_html

        return summary_html(self._results)


def run(
    model: Any, output: str | Path | None = None, inputs: Any = None, runoff: bool = False, **parameters: Any
) -> Results:
    """Measures one model, or a small matrix: a list as the value of a parameter is an axis.

    Every trial runs, whatever the folder holds of it already, but for those that the same call ran before it was
    interrupted. The folder keeps its other trials. Progress is printed as it comes.

    Args:
        model: what the command line takes, or a path, a `torch.nn.Module` or a transformers configuration; or a list of
            them. Which exporter, runtime and reference go with it follows from what it is, where none is named.
        output: the folder of the executed notebooks; by default `outputs/run`, of the checkout in which this is called.
        inputs: of a module, what its forward takes: a tensor, a tuple of tensors or a mapping by name; of an ONNX file,
            the path of a `.npz` or of a folder of test data.
        runoff: whether direct pairs decide afterwards which way is fastest.
        **parameters: the parameters of a trial by name (`benchlib.Trial`): `exporter=["eager", "script"]`.

    Returns:
        The trials of this call, and none of an earlier one.

    Raises:
        UserError: wrong parameters, a complaint for each in `complaints`; or another sweep writes to `output`.
        KeyboardInterrupt: on Ctrl-C, when the trials have been ended; the same call goes on from there.
        benchlib.errors.Interrupted: somebody else interrupted the process of the trials.
        benchlib.errors.ChildDied: that process ended in any other way, by a signal or an error; a RuntimeError.
    """
    study = _study_of(model, inputs, parameters)
    study.runoff = runoff
    plan, folder = expand(study), Path(output) if output else outputs() / "run"
    ended = carry_out(Order(plan, str(folder), rerun="all", adds=True), _say)
    return _told(Results(folder, plan, ended.statuses), ended.statuses)


def sweep(
    study: str | Path, output: str | Path | None = None, runoff: bool = True, *, only: str = "", rerun: str = ""
) -> Results:
    """Runs a study, resuming it: what is done already is kept. Progress is printed as it comes.

    Args:
        study: its YAML file.
        output: the folder of the results; by default `outputs/<name of the study>`, as `run` has its own.
        runoff: whether direct pairs follow the matrix, where the study wants them.
        only: which trials to run: "exporter=script,eager model=resnet".
        rerun: which trials to run again although they are done: "failed" or "all".

    Returns:
        The whole study as it stands, with the trials that `only` left out.

    Raises:
        UserError: what is wrong with the study, a complaint for each mistake in `complaints`; or another sweep writes
            to the folder.
        KeyboardInterrupt: on Ctrl-C, when the trials have been ended; the same call goes on from there.
        benchlib.errors.Interrupted: somebody else interrupted the process of the trials.
        benchlib.errors.ChildDied: that process ended in any other way, by a signal or an error; a RuntimeError.
    """
    if rerun not in _RERUN:
        raise UserError(f"rerun: '{rerun}' is neither failed nor all")
    written = studies.read(study)
    written.runoff = written.runoff and runoff
    plan, folder = expand(written), Path(output) if output else outputs() / written.name
    keys = [planned.key for planned in select(plan, only)] if only else None
    ended = carry_out(Order(plan, str(folder), cast(Rerun, rerun), only=keys), _say)
    return _told(Results(folder, plan), ended.statuses)


def choose(
    model: Any,
    inputs: Any = None,
    *,
    budget: float = 300.0,
    maximize: str = "",
    where: str = "",
    every: bool = False,
    output: str | Path | None = None,
    **parameters: Any,
) -> Choice:
    """Says which way of running a model to use here: those that can run, checked and raced within a budget.

    Every way gets a first look, the close ones are measured at full length, and direct pairs decide between the best.
    Asked again, it goes on where it was.

    Args:
        model: one model, as `run` takes it.
        inputs: those of a module, as `run` takes them.
        budget: seconds that it may take, but for the direct pairs and a trial that has begun.
        maximize: "throughput" looks for the most items per second, of a list of batch sizes or numbers of threads too;
            by default it is the shortest latency.
        where: bounds that a way has to keep: "time_latency_p99 < 0.02 and time_session < 1".
        every: whether all ways that there are are tried, and not the usual ones alone.
        output: the folder of the study that it leaves; by default `outputs/choose`.
        **parameters: the parameters of every trial by name, one value each; an exporter, a runtime or passes that are
            given are not varied.

    Returns:
        The way to use, why not the others, and whether the figures can be believed; displays well.

    Raises:
        UserError: wrong parameters, or no way to choose from.
        KeyboardInterrupt, benchlib.errors.Interrupted, benchlib.errors.ChildDied: as `run` does.
    """
    from benchlib.choosing import Question
    from benchlib.choosing import choose as race
    from benchlib.choosing.question import LATENCY
    from benchlib.choosing.where import bounds_of

    study = _study_of(model, inputs, parameters)
    given = {name: value.value for name, value in study.defaults.items()}
    several: dict[str, list[Any]] = {}
    for axis in study.axes:
        for name in axis[0]:
            several[name] = [point[name].value for point in axis]
            given[name] = several[name][0]
    question = Question(given, bounds_of(where), budget, every, maximize or LATENCY, several)

    def sweep_in_a_child(plan: Plan, folder: Path, seconds: float, rivals: frozenset[str] | None) -> list[str]:
        limit = None if math.isinf(seconds) else seconds
        order = Order(plan, str(folder), seconds=limit, rivals=None if rivals is None else sorted(rivals))
        return list(carry_out(order, _say).statuses)

    folder = Path(output) if output else outputs() / "choose"
    return race(question, folder, sweep_in_a_child, _say)


def _study_of(model: Any, inputs: Any, parameters: Mapping[str, Any]) -> studies.Study:
    """The arguments of `run` as a study. Raises UserError with everything that is wrong with them by themselves."""
    models = [_path_as_text(m) for m in (model if isinstance(model, _AXIS_VALUES) else [model])]
    given, complaints = {"model": models, **parameters}, []
    if not all(isinstance(m, str | Mapping) for m in models):
        from benchlib.artifacts import root
        from benchlib.models import python

        try:
            given["model"] = [m if isinstance(m, str | Mapping) else python.store(m, inputs, root()) for m in models]
            if inputs is not None:
                given.setdefault("batch_size", python.batch_of(inputs))
        except UserError as error:
            complaints += [studies.complaint("model", message) for message in error.complaints]
            del given["model"]
    elif inputs is not None:
        given["inputs"] = str(inputs)
    arguments = {name: _axis(name, value) for name, value in given.items()}
    complaints += [f"{name}: {text}" for name, axis in arguments.items() for value in axis if (text := _foreign(value))]
    try:
        study = studies.from_arguments("run", arguments)
    except UserError as error:
        complaints += error.complaints
    if complaints:
        raise UserError(*complaints)
    return study


def _path_as_text(model: Any) -> Any:
    return os.fspath(model) if isinstance(model, os.PathLike) else model


def _axis(name: str, value: Any) -> list[Any]:
    """Several values, or one: shapes are lists themselves, so theirs is one value."""
    return [_plain(v) for v in value] if isinstance(value, _AXIS_VALUES) and name != "shapes" else [_plain(value)]


def _plain(value: Any) -> Any:
    """Mappings and sequences of any kind as those that YAML has."""
    if isinstance(value, Mapping):
        return {str(name): _plain(v) for name, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, _AXIS_VALUES) else value


def _foreign(value: Any) -> str:
    """What is wrong with a mapping that no other process can be told; empty: nothing. What has a type of its own is
    judged by that."""
    try:
        json.dumps(value if isinstance(value, dict) else None)
    except TypeError as error:
        return f"numbers, texts, lists and mappings are wanted: {error}"
    return ""


def _told(results: Results, statuses: Mapping[str, str]) -> Results:
    counts = " + ".join(f"{n} {status}" for status, n in Counter(statuses.values()).items())
    _say(f"{counted(len(statuses), 'trial')} = {counts}, in {results.folder}")
    return results


def _say(line: str) -> None:
    print(line, flush=True)
