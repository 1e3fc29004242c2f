"""The cache, with real processes where several use it."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchlib import artifacts
from benchlib.errors import UserError

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


# -- several processes -----------------------------------------------------------------------------


def test_two_processes_that_store_the_same_both_succeed(cache):
    code = """
with artifacts.storing("artifacts", "model", KEY, {}) as (folder, facts):
    (folder / "model.onnx").write_text(sys.argv[1])
    time.sleep(max(0, float(sys.argv[2]) - time.time()))
print((artifacts.find("artifacts", "model", KEY).path / "model.onnx").read_text())
"""
    together = str(time.time() + 2)
    processes = [start(code, name, together) for name in ("one", "two", "three")]
    texts = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert len(texts) == 1 and texts < {"one", "two", "three"}
    assert [p.name for p in (cache / "artifacts").iterdir()] == ["model_00000000"]


OBTAIN = """
def build(folder, facts):
    print("builds", flush=True)
    (folder / "model.onnx").write_text("x")
    time.sleep(float(sys.argv[1]))
end = time.monotonic() + float(sys.argv[2])
try:
    entry, cached = artifacts.obtain("artifacts", "model", KEY, {}, build, lambda: end - time.monotonic(),
                                     lambda holder: print("waits for", holder, flush=True))
    print("cached" if cached else "built", entry.address)
except artifacts.Busy as error:
    print(error)
"""


def test_one_of_several_builds_and_the_others_wait(cache):
    first = start(OBTAIN, "1.5", "60")
    assert first.stdout.readline() == "builds\n"
    others = [start(OBTAIN, "1.5", "60") for _ in range(2)]
    for other in others:
        assert other.communicate(timeout=60)[0].split("\n")[:2] == [
            f"waits for process {first.pid}",
            "cached model_00000000",
        ]
    assert first.communicate(timeout=60)[0] == "built model_00000000\n"
    assert leftovers(cache) == []


def test_waiting_ends_with_the_time_that_is_left():
    first = start(OBTAIN, "60", "60")
    try:
        assert first.stdout.readline() == "builds\n"
        said = run(OBTAIN, "0", "0.5").splitlines()
        assert said[-1] == f"process {first.pid} is still building model_00000000, which this trial needs too"
    finally:
        first.kill()
        first.communicate()


def test_a_builder_that_is_killed_frees_the_lock(cache):
    first = start(OBTAIN, "60", "60")
    assert first.stdout.readline() == "builds\n"
    second = start(OBTAIN, "0", "60")
    assert second.stdout.readline() == f"waits for process {first.pid}\n"
    first.kill()
    assert second.communicate(timeout=60)[0] == "builds\nbuilt model_00000000\n"
    first.communicate()
    assert any(f".{first.pid}." in name for name in leftovers(cache))
    assert artifacts.clean()["unfinished"] == 1
    assert leftovers(cache) == []


def test_clean_leaves_what_living_processes_write(cache, living):
    code = (
        "context = artifacts.storing('artifacts', 'model', KEY, {}); (context.__enter__()[0] / 'half').write_text('x')"
    )
    living(code)
    assert artifacts.clean() == {}
    assert len(leftovers(cache)) == 1


def test_clean_drops_the_broken(cache):
    missing(store())
    no_state(store(name="other"))
    store(name="good")
    artifacts.let_go()
    done = artifacts.clean()
    assert done["broken"] == 2 and done["bytes"] > 0
    assert [e.address for e in artifacts.entries()] == ["good_00000000"]


def test_the_least_recently_used_goes_first(cache):
    run("for i in range(3): put(f'm{i}')")
    for i in range(3):
        os.utime(cache / "artifacts" / f"m{i}_00000000" / artifacts.STATE, (i + 1, i + 1))
    one = artifacts.by_address("m0_00000000").size
    artifacts.trim(limit=int(2.5 * one))
    assert artifacts.find("artifacts", "m0", KEY) is None
    assert artifacts.find("artifacts", "m2", KEY) is not None


def test_what_a_living_process_uses_stays(cache, living):
    run("put('used'); put('unused')")
    user = living("assert artifacts.find('artifacts', 'used', KEY)")
    used = artifacts.by_address("used_00000000")
    artifacts.trim(limit=0)
    assert [e.address for e in artifacts.entries()] == ["used_00000000"]
    assert not artifacts.delete(used) and artifacts.lean(used) == 0
    assert artifacts.clean(files_too=True) == {}
    assert used.whole
    user.kill()
    user.wait()
    assert artifacts.delete(used)
    assert artifacts.entries() == []


def test_a_process_holds_few_files_open():
    for i in range(40):
        store(name=f"m{i}")
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd.isdigit()
            if os.path.exists(f"/proc/self/fd/{fd}")]  # fmt: skip
    assert sum(path.endswith(artifacts.STATE) for path in held) == 32
    artifacts.trim(limit=0)
    assert len(artifacts.entries()) == 32


# -- lean, failures ----------------------------------------------------------------------------------


def test_lean_keeps_what_is_known(monkeypatch):
    monkeypatch.setenv("BENCHLIB_TRIAL", "f" * 16)
    entry = store(text="x" * 5000)
    artifacts.let_go()
    monkeypatch.delenv("BENCHLIB_TRIAL")
    store(name="other")
    artifacts.let_go()
    assert artifacts.lean_made_by({"e" * 16}) == (0, 0)
    used = entry.used
    assert artifacts.lean_made_by({"f" * 16}) == (1, 5000)
    left = artifacts.by_address("model_00000000")
    assert left.status == "lean" and left.facts == entry.facts and left.files == entry.files and left.used == used
    assert sorted(p.name for p in left.path.iterdir()) == ["log_export.txt", artifacts.STATE]
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


# -- the folder ----------------------------------------------------------------------------------------


def test_the_root_is_private_and_ours(monkeypatch):
    assert artifacts.root().stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr("os.getuid", lambda: 12345)
    with pytest.raises(UserError, match="belongs to user"):
        artifacts.root()


def test_the_size_limit(monkeypatch):
    assert artifacts.size_limit() == 20 << 30
    monkeypatch.setenv("BENCHLIB_CACHE_SIZE", "0.5")
    assert artifacts.size_limit() == 1 << 29
    monkeypatch.setenv("BENCHLIB_CACHE_SIZE", "much")
    with pytest.raises(UserError, match="not 'much'"):
        artifacts.size_limit()


def test_a_root_that_cannot_be_made_is_one_clear_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"cannot be used .*set BENCHLIB_CACHE"):
        artifacts.root()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("size=256k", "cannot be written to: No space left on device"),
        ("ro", "cannot be written to: set BENCHLIB_CACHE"),
    ],
)
def test_a_full_or_read_only_disk_is_one_clear_line(options, said, tmp_path):
    """On a small file system of its own, in a mount namespace of its own."""
    cache = tmp_path / "disk"
    cache.mkdir()
    code = (
        PRELUDE
        + """
from benchlib.errors import UserError
try:
    put(size=1 << 20)
except UserError as error:
    print(error)
    sys.exit(len(list(artifacts.root().glob("*/*"))) if "space" in str(error) else 0)
sys.exit("it was stored")
"""
    )
    script = tmp_path / "put.py"
    script.write_text(code)
    shell = f"mount -t tmpfs -o {options},mode=700 none {cache} || exit 77; exec {sys.executable} {script}"
    done = subprocess.run(
        ["unshare", *([] if os.getuid() == 0 else ["-r"]), "-m", "sh", "-c", shell], capture_output=True, text=True,
        env={**os.environ, "BENCHLIB_CACHE": str(cache)},
    )  # fmt: skip
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in done.stdout and len(done.stdout.splitlines()) == 1
