"""Several processes on one cache."""

import os
import time

import pytest

from benchlib import artifacts
from tests.artifacts.conftest import KEY, leftovers, run, start, store

pytestmark = pytest.mark.process


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
