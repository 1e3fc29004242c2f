"""The folder of the cache: whose it is, its limit, a disk that is full."""

import os
import subprocess
import sys

import pytest

from benchlib import artifacts
from benchlib.errors import UserError
from tests.artifacts.conftest import PRELUDE


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


@pytest.mark.process
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
