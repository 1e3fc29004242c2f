"""Why an export fails: a search for the smallest part of the model that fails too, after the failure was recorded."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchlib.errors import UserError
from benchlib.exporters import ExportRequest
from benchlib.exporters._bisect import smallest_failing
from benchlib.models import LoadedModel
from benchlib.registries import exporters
from benchlib.worker.messages import ExplainFailure, Explanation
from benchlib.worker.service import Worker, verb
from benchlib.worker.verbs import held_model


@verb
def explain_failure(worker: Worker, request: ExplainFailure) -> Explanation:
    """What `exporters._bisect.smallest_failing` finds. Free axes are left out, for parts of a model have others: a
    failure that only they cause has no explanation."""
    failed = request.export
    exporter, loaded = exporters.get(failed.exporter), held_model(worker, failed.model)
    if exporter.export is None or loaded.module is None:
        raise UserError(f"{failed.exporter} has no export that could be tried on the parts of a module")
    with tempfile.TemporaryDirectory(prefix="benchlib-") as folder:

        def export(model: LoadedModel) -> None:
            path = Path(folder) / "part"
            exporter.export(
                ExportRequest(model, path, failed.exporter_args, failed.target_opset, opt_patterns=failed.opt_patterns)
            )

        return Explanation(smallest_failing(loaded, export, request.seconds))
