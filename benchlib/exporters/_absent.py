"""Exporters that other systems know and that cannot run here: known by name, so that a study of theirs has its rows."""

from __future__ import annotations

from benchlib.registry import Exporter


def absent(name: str, summary: str, reason: str) -> Exporter:
    """An exporter that every trial of is skipped, for `reason`."""
    return Exporter(name=name, summary=summary, artifact="module", runtime="torch", lacks=lambda trial: reason)
