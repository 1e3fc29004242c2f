"""Work ÷ latency against the peaks of the host."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from benchlib.host import file
from benchlib.stages import machine_share
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import MeasurePeaks, Peaks

PEAKS = Peaks(flop_rate=1e11, memory_bandwidth=2e10, how="torch", cache_size=1 << 20)


class Run:
    """A trial's context and model as far as `machine_share` looks at them; its worker answers with given peaks, or
    fails."""

    def __init__(self, answers=(), **metrics):
        self.model = SimpleNamespace(metadata=SimpleNamespace(metrics=metrics))
        self.trial = SimpleNamespace(dtype="float32", device="cpu")
        self.threads, self.level = 2, SimpleNamespace(start="forked")
        self.launcher, self.workers, self.started, self.killed = self, [], 0, 0
        self.answers = list(answers)

    def share(self, latency):
        return machine_share.machine_share(self, self.model, latency)

    def start(self, name, how):
        self.started += 1
        self.workers.append(self)
        return self

    def left(self):
        return 60.0

    def ask(self, request, timeout):
        assert isinstance(request, MeasurePeaks)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self):
        self.killed += 1


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))


def test_rates_and_shares():
    run = Run([PEAKS], flops=4e8, weights_read_size=1e8)
    found = run.share(0.01)
    assert found["flop_rate"] == pytest.approx(4e10)
    assert found["peak_share"] == pytest.approx(0.4)
    assert found["weights_read_rate"] == pytest.approx(1e10)
    assert found["memory_share"] == pytest.approx(0.5)
    assert (run.started, run.killed, run.workers) == (1, 1, [])
    assert Run(flops=4e8).share(0.01)["peak_share"] == pytest.approx(0.4)  # no worker is asked again


def test_a_model_of_unknown_work_needs_no_peaks():
    run = Run(flops_reason="a ready file")
    assert run.share(0.01) == {}
    assert run.started == 0


def test_peaks_that_cannot_be_measured_fail_no_trial(capsys):
    run = Run([WorkerError("oom", "OutOfMemory", "no memory")], flops=4e8)
    assert run.share(0.01) == {"flop_rate": pytest.approx(4e10)}
    assert "no memory" in capsys.readouterr().out
    assert run.killed == 1
    assert file.read()["peaks"] == {}


@pytest.mark.parametrize(
    ("facts", "again"),
    [
        ({"flops": 9e8}, False),
        ({"flops": 2e9}, True),  # 200 GFLOP/s of 100
        ({"weights_read_size": 1.9e8}, False),
        ({"weights_read_size": 3e8}, True),
        ({"weights_read_size": 2.001e8}, False),  # the cache may have held a megabyte of them
    ],
)
def test_figures_beyond_the_peaks_have_these_measured_again(facts, again):
    Run([PEAKS], flops=1).share(0.01)
    run = Run([replace(PEAKS, flop_rate=1.2e11)], **facts)
    found = run.share(0.01)
    assert run.started == int(again)
    assert found["peak_flop_rate"] == (1.2e11 if again else 1e11)
