"""A model above 2 GB, which no protobuf message holds, the whole way: from a suite, from Python and as a file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from benchlib.record import Record, scrap

pytestmark = [pytest.mark.process, pytest.mark.soak, pytest.mark.timeout(3600)]

PROTOBUF = 1 << 31  # bytes
MEMORY = 20e9  # bytes that a trial with all of its processes may take
LARGE = "{n_embd: 2048, n_layer: 10, n_head: 16}"  # 606 million parameters
SUITE = ["huggingface/GPT2LMHeadModel", "--model-args", LARGE, "--seq-length", "16"]
PYTHON = """
import benchlib, torch

class Tall(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(8192, 8192) for _ in range(9))

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return x

torch.manual_seed(0)
ways = {"exporter": ["script", "onnx_dynamo"], "opt_patterns": ["", "ort"]}
benchlib.run(Tall(), "outputs/run", inputs=torch.randn(1, 8192), level="smoke", **ways)
"""


class MostMemory(threading.Thread):
    """The largest sum over a process and its descendants of the memory that is theirs (PSS: what they share counts
    once), in bytes."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.root, self.most = psutil.Process(pid), 0

    def run(self):
        while self.root.is_running() and self.root.status() != psutil.STATUS_ZOMBIE:
            self.most = max(self.most, sum(map(_own, [self.root, *self.root.children(recursive=True)])))
            time.sleep(0.3)


def _own(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:  # it has ended
        return 0


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(folder: Path, cache: Path, *words: str) -> tuple[list[Record], float]:
    """The records of what a Python command writes to `outputs/run`, and the most memory that it took."""
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "BENCHLIB_CACHE": str(cache)}
    with subprocess.Popen([sys.executable, *words], cwd=folder, env=environment, stderr=subprocess.PIPE) as process:
        memory = MostMemory(process.pid)
        memory.start()
        _, said = process.communicate()
    assert process.returncode == 0, said.decode()
    found, skipped = scrap.read_all(folder / "outputs" / "run" / "trials")
    assert not skipped
    return list(found.values()), memory.most


def size_of(folder: Path) -> int:
    """The bytes of the files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def command(*words: str) -> tuple[str, ...]:
    return "-m", "benchlib", "run", *words, "--level", "smoke"


@pytest.fixture(scope="module")
def of_a_suite(tmp_path_factory, cache) -> tuple[list[Record], float]:
    ways = ["--exporter", "script,onnx_dynamo", "--opt-patterns", ",default,int8-dynamic"]
    return run(tmp_path_factory.mktemp("suite"), cache, *command(*SUITE, *ways))


def test_from_a_suite_by_every_exporter_and_through_passes(of_a_suite):
    records, memory = of_a_suite
    assert len(records) == 6
    for record in records:
        assert record.status == "ok", (record.name, record.reason)
        assert record.metrics["weights_size"] > PROTOBUF
        assert record.metrics["time_latency"] > 0
    assert memory < MEMORY


def test_the_cache_keeps_below_its_cap(of_a_suite, cache):
    assert PROTOBUF < size_of(cache) <= 20 << 30


def test_from_python(tmp_path, cache):
    records, memory = run(tmp_path, cache, "-c", PYTHON)
    assert [record.status for record in records] == ["ok"] * 4, [record.reason for record in records]
    assert all(record.metrics["weights_size"] > PROTOBUF for record in records)
    assert memory < MEMORY


def test_as_a_file_and_lean(tmp_path, of_a_suite, cache):
    exported = max(cache.glob("artifacts/*/model.onnx.data"), key=lambda file: file.stat().st_size)
    (tmp_path / "model").symlink_to(exported.parent)
    own = tmp_path / "cache"
    words = command("model/model.onnx", "--opt-patterns", ",ort", "--lean")
    records, memory = run(tmp_path, own, *words)
    assert [record.status for record in records] == ["ok"] * 2, [record.reason for record in records]
    assert all(record.metrics["weights_size"] > PROTOBUF for record in records)
    assert memory < MEMORY
    assert size_of(own) < 1e6
