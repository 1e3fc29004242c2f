"""Entries of the cache: stored, found, damaged, lean, failed."""

import json
import os
import shutil
import time

import pytest

from benchlib import artifacts
from benchlib.artifacts import place
from benchlib.errors import UserError
from tests.artifacts.conftest import KEY, leftovers, run, store


def test_what_was_stored_is_found():
    entry = store(stages=[{"stage": "export", "seconds": 1.5}])
    assert entry.address == "model_00000000" and entry.kind == "artifacts" and entry.status == "successful"
    assert entry.facts["time_export"] == 1.5
    assert entry.state["stages"] == entry.facts["stages"]
    assert entry.state["size"] == len("content") + len("it went well")
    assert abs(entry.state["created"] - time.time()) < 60
    assert (entry.path / "model.onnx").read_text() == "content"
    assert artifacts.find("artifacts", "model", "1" * 64) is None


def truncated(entry):
    (entry.path / "model.onnx").write_text("conten")


def altered(entry):
    (entry.path / "model.onnx").write_text("contenT")


def altered_with_its_time_set_back(entry):
    file = entry.path / "model.onnx"
    before = file.stat()
    file.write_text("contenT")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def longer(entry):
    with (entry.path / "model.onnx").open("a") as file:
        file.write("!")


def missing(entry):
    (entry.path / "model.onnx").unlink()


def a_directory(entry):
    missing(entry)
    (entry.path / "model.onnx").mkdir()


def other_facts(entry):
    state = entry.path / artifacts.STATE
    state.write_text(state.read_text().replace('"time_export": 1.5', '"time_export": 0.5'))


def other_key(entry):
    state = entry.path / artifacts.STATE
    state.write_text(json.dumps({**json.loads(state.read_text()), "key": "0" * 63 + "1"}))


def half_a_state(entry):
    state = entry.path / artifacts.STATE
    state.write_text(state.read_text()[:40])


def no_state(entry):
    (entry.path / artifacts.STATE).unlink()


def a_folder_alone(entry):
    shutil.rmtree(entry.path)
    entry.path.mkdir()


DAMAGE = (
    truncated, altered, altered_with_its_time_set_back, longer, missing, a_directory, other_facts, other_key,
    half_a_state, no_state, a_folder_alone,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_none_and_is_built_anew(damage, cache):
    damage(store())
    assert artifacts.find("artifacts", "model", KEY) is None
    builds = []

    def build(folder, facts):
        builds.append((folder / "model.onnx").write_text("content"))

    entry, cached = artifacts.obtain("artifacts", "model", KEY, {}, build)
    assert not cached and (entry.path / "model.onnx").read_text() == "content"
    assert artifacts.obtain("artifacts", "model", KEY, {}, build)[1]
    assert len(builds) == 1
    assert leftovers(cache) == []


def test_clean_drops_the_broken(cache):
    missing(store())
    no_state(store(name="other"))
    store(name="good")
    artifacts.let_go()
    done = artifacts.clean()
    assert done["broken"] == 2 and done["bytes"] > 0
    assert [e.address for e in artifacts.entries()] == ["good_00000000"]


@pytest.mark.process
def test_a_file_is_read_once_and_again_when_it_changed(monkeypatch):
    import hashlib

    entry = store()
    time.sleep(0.1)
    reads = []
    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, name: reads.append(file.name) or real(file, name))
    for _ in range(3):
        assert artifacts.find("artifacts", "model", KEY)
    assert len(reads) == len(entry.files) == 2
    altered_with_its_time_set_back(entry)
    assert artifacts.find("artifacts", "model", KEY) is None
    assert len(reads) == 3
    assert run("print(artifacts.find('artifacts', 'model', KEY))") == "None"


def test_external_data_belongs_to_the_entry(tmp_path):
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(np.ones((64, 64), np.float32), "w")
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 64]) for n in ("x", "y")]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", values[:1], values[1:], [weights])
    with artifacts.storing("artifacts", "model", KEY, {}) as (folder, _):
        onnx.save(
            helper.make_model(graph), folder / "model.onnx", save_as_external_data=True, location="model.onnx.data",
            size_threshold=0,
        )  # fmt: skip
    entry = artifacts.find("artifacts", "model", KEY)
    assert entry.files["model.onnx.data"]["size"] == 64 * 64 * 4
    assert onnx.load(entry.path / "model.onnx").graph.initializer[0].raw_data == weights.raw_data
    with (entry.path / "model.onnx.data").open("r+b") as file:
        file.write(b"\1")
    assert artifacts.find("artifacts", "model", KEY) is None


def test_a_failure_while_storing_leaves_nothing(cache):
    with pytest.raises(ZeroDivisionError), artifacts.storing("artifacts", "model", KEY, {}) as (folder, _):
        (folder / "half").write_text("x")
        raise ZeroDivisionError
    assert artifacts.find("artifacts", "model", KEY) is None
    assert list((cache / "artifacts").iterdir()) == []


def test_who_stores_first_wins(cache):
    with artifacts.storing("artifacts", "model", KEY, {}) as (folder, _):
        (folder / "model.onnx").write_text("second")
        store(text="first")
    assert (artifacts.find("artifacts", "model", KEY).path / "model.onnx").read_text() == "first"
    assert leftovers(cache) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "a b/ü:<script>", ".hidden", "x" * 300, "", "-rf"])
def test_any_label_has_an_address(name, cache):
    entry = store(name=name)
    assert entry.path.parent == cache / "artifacts"
    assert not entry.address.startswith((".", "-")) and len(entry.address) <= 69
    assert artifacts.by_address(entry.address).state["name"] == name


def test_lean_keeps_what_is_known(monkeypatch):
    monkeypatch.setenv(artifacts.TRIAL, "f" * 16)
    entry = store(text="x" * 5000)
    artifacts.let_go()
    monkeypatch.delenv(artifacts.TRIAL)
    store(name="other")
    artifacts.let_go()
    assert artifacts.lean_made_by({"e" * 16}) == (0, 0)
    used = entry.used
    assert artifacts.lean_made_by({"f" * 16}) == (1, 5000)
    left = artifacts.by_address("model_00000000")
    assert left.status == "lean" and left.facts == entry.facts and left.files == entry.files and left.used == used
    assert sorted(p.name for p in left.path.iterdir()) == [place.MARKER, "log_export.txt", artifacts.STATE]
    assert artifacts.find("artifacts", "model", KEY) is None
    assert artifacts.clean() == {}
    assert store(text="x" * 5000).whole


def test_a_failure_is_kept_until_the_build_succeeds(tmp_path):
    log = tmp_path / "log_export.txt"
    for message, lines in (("first", 10), ("second", 300_000)):
        log.write_text("".join(f"line {i}\n" for i in range(lines)))
        error = {"stage": "export", "type": "RuntimeError", "message": message}
        artifacts.failed("artifacts", "model", KEY, {"exporter": "script"}, error, [log, tmp_path / "not there"])
    (entry,) = artifacts.entries()
    assert (entry.kind, entry.status, entry.state["of"]) == ("failures", "failed", "artifacts")
    assert entry.state["error"]["message"] == "second"
    kept = (entry.path / log.name).read_text()
    assert len(kept) == 1 << 20 and kept.endswith("line 299999\n")
    assert artifacts.find("artifacts", "model", KEY) is None
    assert artifacts.clean() == {} and artifacts.lean(entry) == 0
    store()
    assert [e.kind for e in artifacts.entries()] == ["artifacts"]


def test_an_address_that_two_kinds_have_needs_its_kind():
    store()
    store(kind="models")
    with pytest.raises(UserError, match=r"artifacts/model_00000000, models/model_00000000"):
        artifacts.by_address("model_00000000")
    assert artifacts.by_address("models/model_00000000").kind == "models"
    with pytest.raises(UserError, match="did you mean 'model_00000000'"):
        artifacts.by_address("modle_00000000")


def test_folders_that_hold_no_entries_are_left_alone(cache):
    store()
    for name in ("python/Net-12345678", "python/Net_12345678", "hosts"):
        (artifacts.root() / name).mkdir(parents=True)
    (cache / "python" / "Net-12345678" / "meta.json").write_text("{}")
    assert len(artifacts.entries()) == 1
    assert artifacts.clean() == {}
