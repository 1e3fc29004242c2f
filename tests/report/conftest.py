"""Studies to report on."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_study import EVIL, make_samples, make_study, planned, write_plan, write_trial

from benchlib.record import Record
from benchlib.report.page import Report


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return make_study(tmp_path / "quick")


@pytest.fixture
def report_on(tmp_path: Path) -> Callable[[list[Record]], Report]:
    """The report on a study of the given records."""

    def make(records: list[Record]) -> Report:
        (tmp_path / "s" / "trials").mkdir(parents=True)
        for record in records:
            write_trial(tmp_path / "s", record, make_samples(record))
        write_plan(tmp_path / "s", {"name": "s", "trials": [planned(r) for r in records]})
        return Report(tmp_path / "s")

    return make


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Path:
    """The folder of a study with its report. A kernel is started for it, so the workers of xdist share one, each
    with a copy of its own."""
    from benchlib.report import publish

    own = tmp_path_factory.mktemp("outputs") / "quick"
    common = tmp_path_factory.getbasetemp()
    common = common.parent if "PYTEST_XDIST_WORKER" in os.environ else common
    made = common / "published" / "quick"
    with (common / "published.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "report.html").exists():
            shutil.rmtree(made, ignore_errors=True)  # a worker may have failed at it
            publish(make_study(made, title=f"Which exporter? {EVIL}"))
    shutil.copytree(made, own)
    return own
