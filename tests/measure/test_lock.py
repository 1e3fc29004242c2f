"""The host's lock stands where everybody may write: what stands there is locked if it is a lock, and never changed."""

import os
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

from benchlib.errors import UnusableHost, UserError
from benchlib.measure import lock

NAME = "benchlib-host.lock"
HOLD = """
import sys, time
from pathlib import Path
from benchlib.measure import lock
lock.FOLDER = Path(sys.argv[1])
with lock.alone(sys.argv[2], "trial f00 of other"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where the host's lock belongs, in a folder that is not everybody's."""
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setattr(lock, "FOLDER", folder)
    return folder / NAME


@pytest.fixture
def holder(path):
    """Another process that holds the locks of a device."""
    processes = []

    def begin(device: str = "cpu") -> subprocess.Popen:
        words = [sys.executable, "-c", HOLD, str(path.parent), device]
        processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        assert processes[-1].stdout.readline() == "held\n"
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def enter(device: str = "cpu") -> list[str]:
    """Takes the locks of a device and gives them back; whom it waited for."""
    told = []
    with lock.alone(device, "trial 123 of mlp", told.append):
        pass
    return told


def is_free(device: str) -> bool:
    """Whether a device's locks can be had within a second. (A thread that has to wait for them goes on waiting.)"""
    thread = threading.Thread(target=enter, args=(device,), daemon=True)
    thread.start()
    thread.join(1)
    return not thread.is_alive()


def test_the_file_says_whose_it_is_while_it_is_held(path):
    with lock.alone("cpu", "trial 123 of mlp"):
        assert path.read_text() == f"trial 123 of mlp (process {os.getpid()})"
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.read_text() == ""


def test_others_can_lock_it_whatever_the_makers_umask(path):
    before = os.umask(0o077)
    try:
        enter()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.process
def test_a_lock_whose_owner_is_gone_is_free_at_once(path, holder):
    process = holder()
    threading.Timer(0.5, process.kill).start()
    begin = time.monotonic()
    assert enter() == [f"trial f00 of other (process {process.pid})"]
    assert time.monotonic() - begin < 30


@pytest.mark.process
@pytest.mark.parametrize(
    ("held", "wanted", "free"),
    [
        ("cpu", "cpu", False),
        ("cpu", "cuda", False),
        ("cuda:0", "cpu", False),
        ("cuda:0", "cuda", False),
        ("cuda:0", "cuda:1", True),
    ],
)
def test_who_excludes_whom(holder, held, wanted, free):
    process = holder(held)
    assert is_free(wanted) is free
    process.kill()
    process.wait()
    assert enter(wanted) == [] or not free


@pytest.mark.process
def test_a_lock_that_was_removed_is_not_waited_for_in_vain(path, holder):
    """Who cleans temporary folders takes the file from under the one that waits."""
    process = holder()
    threading.Timer(0.5, path.unlink).start()
    assert len(enter()) == 1
    assert process.poll() is None


# -- what others may have put there --------------------------------------------------------------------------


@pytest.fixture
def victim(tmp_path):
    """A file that is none of ours to touch."""
    file = tmp_path / "thesis.tex"
    file.write_text("ten years of work")
    file.chmod(0o600)
    yield file
    assert file.read_text() == "ten years of work"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_symbolic_link_is_not_followed(path, victim):
    path.symlink_to(victim)
    with pytest.raises(UserError, match=rf"{NAME} is a symbolic link of user \d+, and no lock that benchlib made"):
        enter()
    assert path.is_symlink()


def test_a_link_to_nothing_makes_no_file(path, tmp_path):
    path.symlink_to(tmp_path / "made")
    with pytest.raises(UnusableHost, match="a symbolic link"):
        enter()
    assert not (tmp_path / "made").exists()


def test_a_hard_link_is_not_written_to(path, victim):
    os.link(victim, path)
    with pytest.raises(UnusableHost, match=r"a file with 2 names \(hard links\)"):
        enter()


def test_a_link_that_takes_the_place_of_the_file_is_seen(path, victim, monkeypatch):
    """Between the look at the name and its opening."""
    enter()
    real = os.open

    def replace_and_open(name, *rest):
        if name == path:
            path.unlink(missing_ok=True)
            os.link(victim, path)
        return real(name, *rest)

    monkeypatch.setattr(os, "open", replace_and_open)
    with pytest.raises(UnusableHost, match="2 names"):
        enter()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("make", "kind"), [(os.mkdir, "a folder"), (os.mkfifo, "a FIFO")])
def test_what_is_no_file_is_named(path, make, kind):
    make(path)
    with pytest.raises(UnusableHost, match=f"{NAME} is {kind} of user"):
        enter()
    assert path.exists()


def test_a_socket_is_named(path, monkeypatch):
    monkeypatch.chdir(path.parent)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(NAME)
        with pytest.raises(UnusableHost, match="a socket"):
            enter()


@pytest.mark.parametrize("mode", [0o644, 0o444, 0o666])
def test_another_users_file_is_locked_and_left_as_it_is(path, mode, monkeypatch):
    path.write_text("their text")
    path.chmod(mode)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with lock.alone("cpu", "trial 123 of mlp"):
        assert path.read_text() == "their text"
        assert not is_free("cpu")
    assert path.read_text() == "their text" and stat.S_IMODE(path.stat().st_mode) == mode


def test_another_users_words_are_told_without_what_steers_a_terminal(path):
    import fcntl

    path.write_text("\x1b]0;owned\x07their \x1b[2Jtrial")
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        threading.Timer(0.5, fcntl.flock, (file, fcntl.LOCK_UN)).start()
        assert enter() == ["]0;ownedtheir [2Jtrial"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_file_that_cannot_be_read_is_one_line(path):
    path.write_text("")
    path.chmod(0)
    with pytest.raises(UnusableHost, match="cannot be opened: Permission denied"):
        enter()


def test_without_the_shared_folder_it_is_one_line(path):
    path.parent.rmdir()
    with pytest.raises(UnusableHost, match="cannot be opened: No such file or directory"):
        enter()


@pytest.mark.process
def test_who_waits_for_quiet_lets_others_have_the_host_and_takes_it_back(path, holder):
    """Another trial gets it meanwhile; it is waited for."""
    told = []
    with lock.alone("cpu", "trial 123 of mlp", told.append) as held:
        with held.given_away():
            other = holder()
            threading.Timer(0.5, other.kill).start()
        assert told == [f"trial f00 of other (process {other.pid})"]
        assert path.read_text().startswith("trial 123 of mlp")
    assert path.read_text() == ""


def test_what_was_given_away_is_not_held(path):
    with lock.alone("cpu", "trial 123 of mlp") as held, held.given_away():
        assert enter() == []
