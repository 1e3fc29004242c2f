"""What this machine lacks for a trial or a model that the rules allow, in words."""

from __future__ import annotations

from typing import Any

from benchlib import machine
from benchlib.models import row
from benchlib.registries import Registry, exporters, passes, runtimes
from benchlib.registry import CatalogueRow, Source
from benchlib.trial import Trial

_KINDS = {"exporter": "exporter", "pass_": "pass", "runtime": "runtime"}


def lacks(trial: Trial) -> str | None:
    """What this machine lacks for a trial, in words; None when it has everything."""
    ways = {way.label: way for way in filter(None, [trial.way, trial.reference_way, trial.judge_way])}
    for way in ways.values():
        plugins: list[tuple[Registry[Any], str]] = [
            (exporters, way.exporter), *((passes, p.name) for p in way.passes), (runtimes, way.runtime),
        ]  # fmt: skip
        for registry, name in plugins:
            plugin = registry.get(name)
            missing = [p for p in plugin.packages if machine.package_version(p) is None]
            if missing:
                return f"{_KINDS[registry.kind]} {name} needs the package {missing[0]}, which is not installed"
            reason = plugin.lacks(trial)
            if reason:
                return f"{_KINDS[registry.kind]} {name}: {reason}"
    source, _ = trial.source()
    return without_packages(source) or source.lacks(trial) or absent(row(trial.model))


def without_packages(source: Source) -> str | None:
    """What a source needs that is not installed, in words; None when it has everything."""
    missing = [p for p in source.packages if machine.package_version(p) is None]
    return f"{source.name} models need the package {missing[0]}, which is not installed" if missing else None


def absent(row: CatalogueRow) -> str | None:
    """What a model of a catalogue needs that is not here, in words; None when it has everything."""
    if row.get("needs"):
        return f"{row['name']} needs {row['needs']}"
    missing = [p for p in row.get("packages", ()) if machine.package_version(p) is None]
    return f"{row['name']} needs the package {missing[0]}, which is not installed" if missing else None
