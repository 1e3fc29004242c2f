import os
import signal
import time
from pathlib import Path

import pytest

from benchlib import trial_key
from benchlib.worker import process
from benchlib.worker.client import Lease, Server, WorkerError, start_forked, start_fresh
from benchlib.worker.messages import LoadModel

pytestmark = pytest.mark.process

MARK = process.mark_of("0123456789abcdef0123")


@pytest.fixture(scope="module")
def server():
    server = Server((), threads=1)
    yield server
    server.end()


@pytest.fixture(params=["forked", "fresh"])
def worker(request, server, tmp_path):
    lease = Lease(server.path)
    log = tmp_path / "log"
    if request.param == "forked":
        worker = start_forked(lease, MARK, log, {"MINE": "1"}, tmp_path)
    else:
        worker = start_fresh(MARK, log, {"MINE": "1"}, tmp_path, threads=1)
    yield worker
    worker.kill()
    lease.close()


def load(worker, folder: Path, timeout=20.0, **model_args):
    folder.mkdir(exist_ok=True)
    trial = {"model_args": model_args, "seed": 0, "batch_size": 2, "seq_length": None}
    return worker.ask(LoadModel("planted", "plain", trial, folder), timeout)


def test_it_works_and_says_goodbye(worker, tmp_path):
    saved = load(worker, tmp_path / "model")
    assert saved.metrics["input_size"] == 8
    assert (tmp_path / "model" / "inputs.npz").exists()
    worker.end()
    assert not Path(f"/proc/{worker.pid}").exists() or process.marked(MARK) == []


def test_it_carries_the_mark(worker):
    load_time = time.monotonic() + 5
    while worker.pid not in process.marked(MARK) and time.monotonic() < load_time:
        time.sleep(0.01)
    assert worker.pid in process.marked(MARK)


def test_a_mark_that_a_forked_worker_could_not_carry_is_refused():
    assert len(process.mark_of("k" * trial_key.LENGTH)) == len(process.UNMARKED)
    with pytest.raises(ValueError, match="not 16: 0123456789abcdef"):
        process.mark_of("0123456789abcdef")


def test_what_it_prints_goes_to_its_log_and_never_into_the_protocol(worker, tmp_path):
    load(worker, tmp_path / "model", fault="garbage")
    assert "garbage {not json" in worker.log_tail()


@pytest.mark.parametrize(
    ("fault", "kind", "word"),
    [
        ("raise", "failed", "cannot export"),
        ("memory", "oom", "Unable to allocate"),
        ("abort", "crashed", "SIGABRT"),
        ("exit", "crashed", "exit code 3"),
        ("kill", "crashed", "SIGKILL"),
    ],
)
def test_faults_become_kinds(worker, tmp_path, fault, kind, word):
    with pytest.raises(WorkerError) as error:
        load(worker, tmp_path / "model", fault=fault)
    assert error.value.kind == kind
    assert word in error.value.message


@pytest.mark.parametrize("fault", ["sleep", "hold"])
def test_one_that_does_not_answer_is_killed(worker, tmp_path, fault):
    with pytest.raises(WorkerError) as error:
        load(worker, tmp_path / "model", timeout=0.5, fault=fault)
    assert error.value.kind == "timeout"
    assert process.marked(MARK) == []


def test_a_stopped_worker_answers_after_it_goes_on(worker, tmp_path):
    worker.freeze()
    assert Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "S", "R")
    assert load(worker, tmp_path / "model").metrics["input_size"] == 8


def test_workers_end_with_their_lease_even_stopped_ones(server, tmp_path):
    lease = Lease(server.path)
    worker = start_forked(lease, MARK, tmp_path / "log", {}, tmp_path)
    load(worker, tmp_path / "model")
    worker.freeze()
    lease.close()
    deadline = time.monotonic() + 5
    while process.marked(MARK) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.marked(MARK) == []


def test_workers_end_with_their_server(tmp_path):
    server = Server((), threads=1)
    worker = start_forked(Lease(server.path), MARK, tmp_path / "log", {}, tmp_path)
    load(worker, tmp_path / "model")
    worker.freeze()
    os.kill(server.process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while process.marked(MARK) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.marked(MARK) == []
    server.end()


def test_the_environment_of_a_process_is_built_not_inherited(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as a Dask nanny sets it
    assert "OMP_NUM_THREADS" not in process.environment(MARK)
    assert process.environment(MARK, threads=2)["OMP_NUM_THREADS"] == "2"
