"""What we made ourselves, and nothing that merely looks alike, is listed, made lean or taken away."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from benchlib import artifacts
from benchlib.artifacts import entry, place, shown
from benchlib.errors import UserError
from tests.artifacts.conftest import KEY, leftovers, run, start, store


def seen(folder: Path) -> dict[str, tuple]:
    """All that is in a folder, itself included: kinds and modes, contents, times."""
    found = {}
    for path in [folder, *([] if folder.is_symlink() else sorted(folder.rglob("*")))]:
        status = path.lstat()
        text = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path)] = (status.st_mode, status.st_mtime_ns, text, os.readlink(path) if path.is_symlink() else "")
    return found


def write(path: Path, text: str = "ten years of work") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def remove_markers(cache: Path) -> None:
    """Makes a cache one of a version that wrote none."""
    for marker in [cache / place.MARKER, *cache.glob(f"*/*/{place.MARKER}")]:
        marker.unlink()


@pytest.fixture
def strangers(cache):
    """Folders and files of others among our entries, called as ours are; afterwards they are as they were."""
    store()
    copy = cache / "artifacts" / "copy_20241128"
    shutil.copytree(cache / "artifacts" / "model_00000000", copy)  # ours, but not by that name
    (copy / "notes.txt").write_text("ten years of work")
    for name in (
        ".editor_settings.d/init.lua",
        "x.lock",
        ".x_20241128.lock",
        "thesis_20241128/thesis.tex",
        "thesis_20241129/state.json",
        ".thesis_20241128.999999999.1/thesis.tex",
        ".thesis_20241129.999999999.1/state.json",
    ):
        write(cache / "artifacts" / name)
    write(cache / "artifacts" / "thesis_20241130" / "state.json", json.dumps({"facts": {}, "digest": "0" * 64}))
    write(cache / "artifacts" / ".thesis_20241131.999999999.1" / place.MARKER, json.dumps({"kind": "artifacts"}))
    (cache / "artifacts" / "link_00000000").symlink_to(cache / "artifacts" / "model_00000000")
    write(cache / "papers" / "thesis_20241128" / "thesis.tex")
    found = [p for p in cache.glob("*/*") if p.name != "model_00000000"]
    before = {path: seen(path) for path in found}
    yield found
    assert {path: seen(path) for path in found} == before


def test_strangers_are_no_entries(strangers):
    assert [e.address for e in artifacts.entries()] == ["model_00000000"]
    with pytest.raises(UserError, match="unknown address"):
        artifacts.by_address("thesis_20241128")


def test_nothing_takes_strangers_away(strangers):
    artifacts.let_go()
    assert artifacts.clean() == {}
    assert artifacts.clean(files_too=True)["lean"] == 1
    artifacts.trim(limit=0)
    assert artifacts.entries() == []
    for path in strangers:
        assert not artifacts.delete(artifacts.Entry(path, {}))


def test_a_stranger_in_an_entrys_place_stays_and_is_named(cache):
    artifacts.root()
    place_of_it = cache / "artifacts" / "model_00000000"
    write(place_of_it / "thesis.tex")
    before = seen(place_of_it)
    with pytest.raises(UserError, match=r"model_00000000 stands where .* was not made by benchlib: move it away"):
        store()
    assert seen(place_of_it) == before and leftovers(cache) == []


def test_a_stranger_in_a_locks_place_stays_and_is_named(cache):
    artifacts.root()
    lock = cache / "artifacts" / ".model_00000000.lock"
    write(lock)
    with pytest.raises(UserError, match=r"\.lock stands where the cache keeps a lock, and was not made by benchlib"):
        artifacts.obtain("artifacts", "model", KEY, {}, lambda folder, facts: None)
    assert lock.read_text() == "ten years of work"


@pytest.mark.process
def test_locks_and_folders_of_the_dead_are_known_as_ours(cache):
    code = """
def build(folder, facts):
    (folder / "half").write_text("x")
    os._exit(9)
artifacts.obtain("artifacts", "model", KEY, {}, build)
"""
    start(code).wait()
    assert len(leftovers(cache)) == 2
    assert artifacts.clean()["unfinished"] == 1
    assert leftovers(cache) == []


@pytest.mark.process
@pytest.mark.parametrize("files", [1, 2, 3])
def test_who_dies_while_taking_an_entry_away_leaves_what_is_known_as_ours(cache, files):
    """After any of its files but the last."""
    store()
    artifacts.let_go()
    code = """
remove, left = Path.unlink, int(sys.argv[1])
def unlink(path, *rest, **options):
    global left
    remove(path, *rest, **options)
    left -= 1
    if not left:
        os._exit(9)
Path.unlink = unlink
artifacts.delete(artifacts.by_address("model_00000000"))
"""
    assert start(code, str(files)).wait() == 9
    (left,) = leftovers(cache)
    assert len(list((cache / "artifacts" / left).iterdir())) == 4 - files
    assert artifacts.clean()["unfinished"] == 1
    assert leftovers(cache) == []


# -- links ---------------------------------------------------------------------------------------------------


def test_what_links_in_an_entry_lead_to_stays(cache, tmp_path):
    write(tmp_path / "mine" / "weights.bin")
    before = seen(tmp_path / "mine")
    with artifacts.storing("artifacts", "model", KEY, {}) as (folder, _):
        (folder / "sub").mkdir()
        (folder / "sub" / "weights.bin").write_text("theirs")
        (folder / "folder").symlink_to(tmp_path / "mine")
        (folder / "file").symlink_to(tmp_path / "mine" / "weights.bin")
    stored = artifacts.by_address("model_00000000")
    artifacts.let_go()
    shutil.rmtree(stored.path / "sub")
    (stored.path / "sub").symlink_to(tmp_path / "mine")  # so that sub/weights.bin, a file of the entry, is another's
    artifacts.lean(stored)
    assert seen(tmp_path / "mine") == before
    assert artifacts.delete(stored)
    assert seen(tmp_path / "mine") == before


def test_a_state_that_names_files_elsewhere_is_none(cache):
    found = store()
    write(cache / "artifacts" / "thesis.tex")
    state = {**found.state, "files": {"../thesis.tex": {"sha256": "0" * 64, "size": 17}}}
    entry.write(found.path / artifacts.STATE, state)
    artifacts.let_go()
    assert artifacts.by_address("model_00000000").status == "broken"
    artifacts.clean(files_too=True)
    assert (cache / "artifacts" / "thesis.tex").exists()


# -- caches of versions that wrote no markers ----------------------------------------------------------------


def test_a_cache_without_markers_stays_usable(cache):
    found = store()
    store(name="other")
    artifacts.failed("artifacts", "bad", "c" * 64, {}, {"stage": "export"})
    artifacts.let_go()
    remove_markers(cache)
    assert [e.address for e in artifacts.entries()] == ["model_00000000", "other_00000000", "bad_cccccccc"]
    assert artifacts.find("artifacts", "model", KEY).facts == found.facts
    (cache / "artifacts" / "other_00000000" / "model.onnx").unlink()
    assert artifacts.clean()["broken"] == 1, "its state says that it is ours"
    artifacts.let_go()
    assert artifacts.delete(artifacts.by_address("model_00000000"))
    assert (cache / place.MARKER).is_file(), "who uses it marks it"


def test_what_cannot_be_shown_to_be_ours_is_kept(cache):
    (store().path / artifacts.STATE).write_text("{")
    artifacts.let_go()
    remove_markers(cache)
    assert artifacts.clean() == {} and artifacts.entries() == []
    with pytest.raises(UserError, match="move it away"):
        store()
    assert (cache / "artifacts" / "model_00000000" / "model.onnx").read_text() == "content"


# -- the root ------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's home, given as the cache by mistake; afterwards it is as it was."""
    folder = tmp_path / "home"
    write(folder / "models" / "thesis_20241128" / "thesis.tex")
    write(folder / ".config" / ".editor_settings.d" / "init.lua")
    write(folder / "hosts")
    folder.chmod(0o755)
    monkeypatch.setenv("BENCHLIB_CACHE", str(folder))
    before = seen(folder)
    yield folder
    assert seen(folder) == before


def test_a_folder_that_holds_other_things_is_no_cache(home):
    for use in (artifacts.root, store):
        with pytest.raises(UserError, match=r"home holds other things than a cache, and stays as it is"):
            use()


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_folder_of_models_is_no_cache_though_it_is_called_like_ours(tmp_path, monkeypatch, mode):
    write(tmp_path / "work" / "models" / "thesis_20241128" / "thesis.tex")
    write(tmp_path / "work" / "README")
    (tmp_path / "work").chmod(mode)
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "work"))
    before = seen(tmp_path)
    with pytest.raises(UserError, match="other things"):
        artifacts.root()
    assert seen(tmp_path) == before


def test_who_only_looks_changes_nothing(home):
    assert artifacts.entries() == [] and artifacts.clean() == {}
    assert artifacts.find("models", "thesis", "20241128" + "0" * 56) is None
    artifacts.trim(limit=0)
    assert "thesis" not in shown.totals() and "models" not in shown.totals()
    assert artifacts.root(make=False) == home


def test_who_only_looks_makes_nothing(cache):
    assert artifacts.entries() == [] and artifacts.clean() == {} and shown.totals()
    assert artifacts.find("artifacts", "model", KEY) is None
    assert not cache.exists()


def test_an_empty_folder_becomes_a_private_cache(cache):
    cache.mkdir()
    cache.chmod(0o755)
    assert artifacts.root(make=False) == cache
    assert stat.S_IMODE(cache.stat().st_mode) == 0o755 and not list(cache.iterdir())
    store()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_a_cache_that_was_opened_to_others_is_closed_before_it_is_read(cache):
    store()
    cache.chmod(0o777)
    assert artifacts.find("artifacts", "model", KEY)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


@pytest.mark.process
def test_processes_may_make_a_cache_together(cache):
    processes = [start(f"put('m{i}')") for i in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert len(artifacts.entries()) == 4
    assert run("print(len(artifacts.entries()))") == "4"
