"""The exporter `planted`: leaves a text file, or fails as asked."""

from pathlib import Path

from benchlib.registry import Exporter, Option


def _export(model, path: Path, options, target_opset) -> dict:
    from benchlib_planted.faults import FAULTS

    FAULTS[options["fault"]]()
    file = path.with_suffix(".planted")
    file.write_text(f"planted {options['version']}")
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
