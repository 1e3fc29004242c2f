"""The labels of a model, wherever they stand: in its script's first line, in its suite's catalogue, in a record."""

from __future__ import annotations

from pathlib import Path

from benchlib import label_line
from benchlib.errors import UserError
from benchlib.label_line import COLUMN, Labels
from benchlib.models import row, script
from benchlib.record import Record, scrap
from benchlib.trial import Trial


def labels(trial: Trial | Record | str | Path) -> Labels:
    """The labels of a trial, which is given as its executed notebook, its record, or a `benchlib.Trial`.

    Raises:
        UserError: for a notebook without a record, or a model whose labels cannot be read.
    """
    if isinstance(trial, Trial):
        return labels_of_model(trial.model)
    if not isinstance(trial, Record):
        try:
            trial = scrap.read_record(trial)
        except scrap.NoRecord as error:
            raise UserError(str(error)) from error
    metrics = trial.metrics.items()
    return {name.removeprefix(COLUMN): value.split(",") for name, value in metrics if name.startswith(COLUMN)}


def labels_of_model(model: str) -> Labels:
    """The labels of a model by name: of its script, or of its suite's catalogue."""
    if script.is_script(model):
        return label_line.of_file(script.path_of(model))
    return dict(row(model).get("labels") or {})


def model_fits(model: str, asked: str) -> bool:
    """Whether a model by name fits. So does a script whose labels cannot be read: what becomes of it says why."""
    label_line.parse(asked, "labels")
    if script.is_script(model) and label_line.unreadable(script.path_of(model)):
        return True
    return label_line.fits(labels_of_model(model), asked)


def label_columns(model: str) -> dict[str, str]:
    """What a record says of a model's labels and provenance. Of a script that is not there any more: nothing."""
    try:
        found = {f"{COLUMN}{key}": ",".join(values) for key, values in labels_of_model(model).items()}
        if script.is_script(model):
            found["model_provenance"] = label_line.provenance(script.path_of(model))
        return found
    except (UserError, OSError):
        return {}
