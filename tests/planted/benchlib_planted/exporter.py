"""The exporter `planted`: leaves a text file, or fails as asked."""

import benchlib_planted.quiet_host  # noqa: F401
from benchlib.registry import Exporter, Option


def _export(request) -> dict:
    from benchlib_planted.faults import FAULTS

    FAULTS[request.options["fault"]]()
    file = request.path.with_suffix(".planted")
    file.write_text(f"planted {request.options['version']}")
    return {"file": str(file)}


exporter = Exporter(
    name="planted",
    summary="fails as asked",
    takes="planted",
    artifact="planted",
    runtime="planted",
    options={
        "fault": Option(str, "", "what goes wrong while exporting"),
        "version": Option(int, 1, "makes another artifact"),
    },
    export=_export,
)
