"""Why an export fails: a search for the smallest part of the model that fails too, after the failure was recorded."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchlib.errors import UserError
from benchlib.worker.service import Worker, verb
from benchlib.worker.verbs import model_of


@verb
def explain_failure(worker: Worker, request: dict) -> dict:
    """{"smallest": what `exporters._bisect.smallest_failing` found within `seconds`}; the other arguments are those of
    `export`. Free axes are left out, for parts of a model have others: a failure that only they cause gives None."""
    from benchlib.exporters import ExportRequest
    from benchlib.exporters._bisect import smallest_failing
    from benchlib.registries import exporters

    exporter, loaded = exporters.get(request["exporter"]), model_of(worker, request)
    if exporter.export is None or loaded.module is None:
        raise UserError(f"{request['exporter']} has no export that could be tried on the parts of a module")
    with tempfile.TemporaryDirectory(prefix="benchlib-") as folder:

        def export(model) -> None:
            path = Path(folder) / "part"
            exporter.export(
                ExportRequest(
                    model, path, request["options"], request["target_opset"], opt_patterns=request["opt_patterns"]
                )
            )

        return {"smallest": smallest_failing(loaded, export, request["seconds"])}
