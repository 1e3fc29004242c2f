"""Engines of the user's own that are wrong only while they are timed, through a whole trial: none of them is ok."""

import subprocess
import sys

import pytest

from benchlib.record import scrap

pytestmark = pytest.mark.process

FILE = '''
import numpy as np


class Right:
    packages = ("onnxruntime",)

    def __init__(self, path, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.input_names = [i.name for i in self.session.get_inputs()]
        self.seen = {}

    def run(self, feeds):
        return self.session.run(None, feeds)


class WrongTurns(Right):
    """Right for the first three sets of inputs that it meets, zeros for all others."""

    def run(self, feeds):
        number = self.seen.setdefault(id(feeds), len(self.seen))
        outputs = super().run(feeds)
        return outputs if number < 3 else [np.zeros_like(a) for a in outputs]


class Memoises(Right):
    """Computes each set of inputs once and returns what it kept."""

    def run(self, feeds):
        if id(feeds) not in self.seen:
            self.seen[id(feeds)] = super().run(feeds)
        return self.seen[id(feeds)]


class WrongLater(Right):
    """Right for forty calls."""

    calls = 0

    def run(self, feeds):
        self.calls += 1
        outputs = super().run(feeds)
        return outputs if self.calls <= 40 else [np.zeros_like(a) for a in outputs]
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engines")
    (folder / "engines.py").write_text(FILE)
    return folder


@pytest.mark.parametrize(
    ("engine", "status"),
    [("Right", "ok"), ("WrongTurns", "inaccurate"), ("Memoises", "inaccurate"), ("WrongLater", "inaccurate")],
)
def test_what_is_wrong_while_it_is_timed_is_inaccurate(engine, status, folder):
    words = ["explicit/mlp", "--exporter", "script", "--runtime", f"engines.py:{engine}", "--level", "smoke"]
    command = [sys.executable, "-m", "benchlib", "run", *words, "--output", str(folder / engine)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    (notebook,) = (folder / engine).rglob("*.ipynb")
    record = scrap.read_record(notebook)
    assert record.status == status, done.stdout + done.stderr
    if status == "inaccurate":
        assert ("while it was timed" in record.error.message) is (engine != "WrongTurns"), (
            "more than three are compared"
        )
        assert record.metrics.get("speedup") is None
