"""Files that a script reads by other code than Python's."""

import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from benchlib import discovery
from benchlib.discovery import kernel
from tests.discovery.kept import dependencies

pytestmark = pytest.mark.process

NATIVE = """
import ctypes, os
from pathlib import Path
c = ctypes.CDLL(None)
def read(path):
    file = c.open(os.fsencode(path), 0)
    got = ctypes.create_string_buffer(9)
    c.read(file, got, 9)
    c.close(file)
    return got.value.decode()
def below(folder):
    return f"{folder}/far/deep.bin"
here = Path(__file__).parent
print(read(here / "beside.bin"), read(f"{here.parent}/apart/far.bin"), read(os.path.join(here, "..", "apart", "j.bin")))
print(read("in_cwd/a.bin"), read(below(Path(os.environ["DATA"]))), read(here / "link.bin"))
"""


def test_what_other_code_than_pythons_opens_counts(tmp_path, monkeypatch):
    """Beside the script, in the current folder, behind a link, and where the script names a path or a folder."""
    folders = [tmp_path / name for name in ("net", "apart", "cwd/in_cwd", "data/far", "blobs")]
    for folder in folders:
        folder.mkdir(parents=True)
    net, apart, inner, far, blobs = folders
    files = [net / "beside.bin", apart / "far.bin", apart / "j.bin", inner / "a.bin", far / "deep.bin", blobs / "b.bin"]
    for file in [*files, net / "not_read.bin"]:
        file.write_text("first")
    (net / "link.bin").symlink_to(blobs / "b.bin")
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("DATA", str(tmp_path / "data"))
    (net / "net.py").write_text(NATIVE)
    assert discovery.discover(net / "net.py").output.split() == ["first"] * 6
    known = dependencies(net / "net.py")
    assert known.unseen == [] and set(map(str, files)) <= known.files.keys()
    assert str(net / "not_read.bin") not in known.files
    for file in files:
        file.write_text("other")
        assert known.difference() == str(file)
        file.write_text("first")


@pytest.mark.parametrize("kind", [kernel.Fanotify, kernel.Inotify])
def test_the_kernel_tells_what_is_read_in_a_folder(kind, tmp_path):
    try:
        told = kind()
    except OSError:
        pytest.skip("this kernel has none")
    key = told.add(str(tmp_path))
    if not key:
        pytest.skip("not on this file system")
    (tmp_path / "file").write_text("x")
    os.listdir(tmp_path)
    assert told_by(told) == set()
    (tmp_path / "file").read_text()
    assert told_by(told) == {(key, b"file")}
    subprocess.run(["cat", tmp_path / "file"], check=True, capture_output=True)
    assert told_by(told) == (set() if kind is kernel.Fanotify else {(key, b"file")}), "one knows whose it is"
    os.close(told.file)


def told_by(told: kernel.Kernel) -> set[tuple[bytes, bytes]]:
    try:
        return set(told.files(os.read(told.file, 1 << 16)))
    except BlockingIOError:
        return set()


READERS = {
    "pyarrow.parquet": "import pyarrow.parquet as r\nprint(r.read_table(path)['k'][0])",
    "pandas": "import pandas as r\nprint(r.read_parquet(path)['k'][0])",
    "sqlite3": (
        "import sqlite3\nprint(sqlite3.connect(f'file:{path}?mode=ro', uri=True).execute('select k from t').fetchone())"
    ),
    "torchvision": "import torchvision.io as r\nprint(r.read_image(path)[0, 0, 0])",
}


@pytest.mark.parametrize("reader", READERS)
def test_readers_are_seen_whatever_tells_them_the_path(reader, tmp_path):
    pytest.importorskip(reader.partition(".")[0])
    file = tmp_path / "data" / "file"
    file.parent.mkdir()
    _written_for(reader, file)
    script = tmp_path / "script" / "net.py"
    script.parent.mkdir()
    script.write_text(f"path = bytes.fromhex('{str(file).encode().hex()}').decode()\n{READERS[reader]}\n")
    assert discovery.discover(script).ended == ""
    assert str(file) in dependencies(script).files


def _written_for(reader: str, file: Path) -> None:
    if reader == "sqlite3":
        with contextlib.closing(sqlite3.connect(file)) as base:
            base.executescript("create table t(k); insert into t values(4)")
    elif reader == "torchvision":
        from PIL import Image

        Image.new("RGB", (8, 8)).save(file, "PNG")
    else:
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"k": [4]}), file)


def test_where_nothing_can_be_watched_the_script_runs_again(tmp_path):
    """It closes what is not its own, as a daemon does."""
    script = tmp_path / "net.py"
    script.write_text("import os, time\nos.closerange(3, 64)\nprint(time.time_ns())\n")
    first = discovery.discover(script)
    assert first.ended == "" and dependencies(script).unseen == ["reads what could not be watched"]
    assert discovery.discover(script).output != first.output
