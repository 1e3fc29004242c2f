"""What importing took: of a forked worker, the time of the server that it was forked from."""

import gc
import sys
from types import SimpleNamespace

import pytest

from benchlib.record.metadata import Session
from benchlib.worker import imports, process, verbs
from benchlib.worker.client import Lease, Server, start_forked, start_fresh
from benchlib.worker.messages import LoadModel, OpenSession
from benchlib.worker.service import Worker

SLOW = "import time\ntime.sleep(0.05)\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that takes a twentieth of a second to import."""
    (tmp_path / "slow_package.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(imports, "SHARED", {})
    yield "slow_package"
    sys.modules.pop("slow_package", None)


def opened(monkeypatch, tmp_path, package) -> Session:
    """What a worker says that opens a session of a runtime which needs the package."""
    session = SimpleNamespace(facts={"providers": "Planted"}, bind=lambda inputs, flat: lambda: None)
    runtime = SimpleNamespace(packages=(package,), open=lambda request: session)
    monkeypatch.setattr(verbs.runtimes, "get", lambda name: runtime)
    monkeypatch.setattr(verbs.tensors, "load", lambda path: ({}, {}))
    monkeypatch.setattr(verbs.tensors, "plain", lambda structure, flat: {})
    monkeypatch.setattr(verbs.tensors, "content_hash", lambda flat: "hash")
    request = OpenSession(
        runtime="planted", artifact=tmp_path, inputs=tmp_path, exporter="planted", exporter_args={}, positional=(),
        device="cpu", provider="", threads=1, rtopt="on", runtime_args={}, io="", cuda_graphs=False, dynamic=False,
    )  # fmt: skip
    try:
        return verbs.open_session(Worker(channel=None), request)
    finally:
        gc.unfreeze()


def test_a_fresh_worker_imports_by_itself(package, tmp_path, monkeypatch):
    session = opened(monkeypatch, tmp_path, package)
    assert session.time_import >= 0.05 and session.time_import_shared == 0


def test_a_forked_worker_publishes_what_its_server_took(package, tmp_path, monkeypatch):
    imports.import_shared(package)
    session = opened(monkeypatch, tmp_path, package)
    assert session.time_import >= session.time_import_shared >= 0.05
    assert session.time_import - session.time_import_shared < 0.05, "nothing is left to import"


def test_a_package_that_nobody_imported_before_shares_nothing(package):
    assert imports.shared_seconds([package, "another"]) == 0


def test_a_package_that_is_not_there_shares_nothing(package):
    with pytest.raises(ImportError):
        imports.import_shared("no_such_package_at_all")
    assert imports.SHARED == {}


@pytest.mark.process
@pytest.mark.parametrize("how", ["forked", "fresh"])
def test_importing_torch_takes_its_time_however_the_worker_was_started(how, tmp_path):
    mark, log, trial = process.mark_of("0123456789abcdef0123"), tmp_path / "log", {"model": "explicit/mlp"}
    server = Server(("torch",), threads=1)
    lease = Lease(server.path)
    start = {
        "forked": lambda: start_forked(lease, mark, log, {}, tmp_path),
        "fresh": lambda: start_fresh(mark, log, {}, tmp_path, threads=1),
    }
    worker = start[how]()
    try:
        from benchlib.mistakes import make

        (tmp_path / "model").mkdir()
        request = LoadModel("explicit", "mlp", make(trial).model_dump(), tmp_path / "model")
        saved = worker.ask(request, 120.0)
        assert saved.metrics["time_load_import"] > 0.05, "some microseconds of looking it up are no import"
    finally:
        worker.kill()
        lease.close()
        server.end()
