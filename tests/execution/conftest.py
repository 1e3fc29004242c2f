"""A study of planted trials and what tests ask about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchlib.record import Record, scrap
from benchlib.worker import process

HEAD = """\
name: {name}
title: planted
defaults: {{level: smoke, exporter: planted, reference: {{exporter: planted}}, timeout: {timeout}}}
"""


class Study:
    """A YAML file in a folder, swept by the command line."""

    def __init__(self, folder: Path, text: str, name: str = "planted", timeout: float = 5):
        self.folder, self.file = folder, folder / f"{name}.yaml"
        self.outputs = folder / "outputs" / name
        self.file.write_text(HEAD.format(name=name, timeout=timeout) + text)

    def start(self, *words: str, python: str = sys.executable, env: dict | None = None) -> subprocess.Popen:
        return subprocess.Popen(
            [python, "-m", "benchlib", "sweep", str(self.file), *words],
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def sweep(self, *words: str, expect: int = 0, **options) -> str:
        process = self.start(*words, **options)
        text, _ = process.communicate(timeout=600)  # seconds: trials of others may hold the host
        assert process.returncode == expect, text
        return text

    def records(self) -> dict[str, Record]:
        """By the trial's tag."""
        found, skipped = scrap.read_all(self.outputs / "trials")
        assert not skipped
        return {record.trial["tag"]: record for record in found.values()}


@pytest.fixture
def study(tmp_path):
    return lambda text, **options: Study(tmp_path, text, **options)


@pytest.fixture
def left_running():
    """The living processes of a study's trials: those that carry a trial's key and work in the study's folder."""

    def found(study: Study) -> list[int]:
        pids = {pid for record in study.records().values() for pid in process.marked(record.key)}
        return [pid for pid in pids if _folder(pid) == study.folder.resolve()]

    return found


def _folder(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").resolve()
    except OSError:
        return None
