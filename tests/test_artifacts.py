import json

import pytest

from benchlib import artifacts
from benchlib.errors import UserError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))


def store(name="model", key="0" * 64, text="content"):
    with artifacts.storing("artifacts", name, key, {"why": 1}) as (folder, facts):
        (folder / "model.onnx").write_text(text)
        facts["time_export"] = 1.5
    return artifacts.find("artifacts", name, key)


def test_what_was_stored_is_found():
    entry = store()
    assert entry.address == "model_00000000"
    assert entry.facts == {"time_export": 1.5}
    assert (entry.path / "model.onnx").read_text() == "content"
    assert artifacts.find("artifacts", "model", "1" * 64) is None


def test_a_truncated_or_altered_file_is_no_entry():
    file = store().path / "model.onnx"
    file.write_text("contenT")
    assert artifacts.find("artifacts", "model", "0" * 64) is None
    assert not file.exists()


def test_an_entry_of_another_key_under_the_same_address_is_none():
    state = store().path / artifacts.STATE
    state.write_text(json.dumps({**json.loads(state.read_text()), "key": "0" * 63 + "1"}))
    assert artifacts.find("artifacts", "model", "0" * 64) is None


def test_a_failure_while_storing_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), artifacts.storing("artifacts", "model", "0" * 64, {}) as (folder, _):
        (folder / "half").write_text("x")
        raise ZeroDivisionError
    assert artifacts.find("artifacts", "model", "0" * 64) is None
    assert list((tmp_path / "cache" / "artifacts").iterdir()) == []


def test_two_processes_may_store_the_same_entry():
    with artifacts.storing("artifacts", "model", "0" * 64, {}) as (folder, _):
        (folder / "model.onnx").write_text("second")
        store(text="first")
    assert (artifacts.find("artifacts", "model", "0" * 64).path / "model.onnx").read_text() == "first"


def test_the_least_recently_used_goes_first():
    import os

    for i in range(3):
        entry = store(name=f"m{i}", text="x" * 1000)
        os.utime(entry.path / artifacts.STATE, (i, i))
    artifacts.trim(limit=2800)
    assert artifacts.find("artifacts", "m0", "0" * 64) is None
    assert artifacts.find("artifacts", "m2", "0" * 64) is not None


def test_the_root_is_private_and_ours(tmp_path, monkeypatch):
    assert artifacts.root().stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr("os.getuid", lambda: 12345)
    with pytest.raises(UserError, match="belongs to user"):
        artifacts.root()
