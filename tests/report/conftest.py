"""Studies to report on."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_study import EVIL, make_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return make_study(tmp_path / "quick")


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Path:
    """The folder of a study with its report, made once: a kernel is started for it."""
    from benchlib.report import publish

    return publish(make_study(tmp_path_factory.mktemp("outputs") / "quick", title=f"Which exporter? {EVIL}")).parent
