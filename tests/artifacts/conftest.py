"""A cache of the test's own, and other processes that use it."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchlib import artifacts

KEY = "0" * 64
PRELUDE = f"""
import os, sys, time
from pathlib import Path
from benchlib import artifacts
KEY = {KEY!r}
def put(name="model", size=1000, kind="artifacts", key=KEY):
    with artifacts.storing(kind, name, key, {{"why": 1}}) as (folder, facts):
        (folder / "model.onnx").write_bytes(b"x" * size)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    yield tmp_path / "cache"
    artifacts.let_go()


def start(code: str, *words: str, **options) -> subprocess.Popen:
    """Another process that uses the cache."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        **options,
    )  # fmt: skip


def run(code: str, *words: str, **options) -> str:
    process = start(code, *words, **options)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()


@pytest.fixture
def living():
    """Processes that run their code and then stay, until the test ends."""
    processes = []

    def begin(code: str, ready: str = "ready", **options) -> subprocess.Popen:
        processes.append(start(f"{code}\nprint('ready', flush=True); time.sleep(300)", **options))
        assert processes[-1].stdout.readline().strip() == ready
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def store(name="model", key=KEY, text="content", kind="artifacts", **facts):
    with artifacts.storing(kind, name, key, {"exporter": "script"}) as (folder, found):
        (folder / "model.onnx").write_text(text)
        (folder / "log_export.txt").write_text("it went well")
        found |= {"time_export": 1.5, **facts}
    return artifacts.find(kind, name, key)


def leftovers(cache: Path) -> list[str]:
    return [p.name for p in cache.glob("*/.*")]
