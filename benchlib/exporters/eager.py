"""No export: the module as it is, the reference of every trial that starts from one."""

from __future__ import annotations

from benchlib.registry import Exporter

exporter = Exporter(
    name="eager",
    summary="the module as it is",
    artifact="module",
    runtime="torch",
    packages=("torch",),
    usual=True,
)
