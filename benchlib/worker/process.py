"""What every process of a trial does to be found, named and ended: the mark, the death signal, the tree."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import time
from pathlib import Path

MARK = "BENCHLIB_RUN"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)
KEY_LENGTH = 20  # of a trial's key (`benchlib.trial_key`)
UNMARKED = "-" * (KEY_LENGTH + 9)  # as long as a mark, so that one can be written over it


def mark_of(key: str) -> str:
    """A new mark for one run of the trial with this key: another run of the same trial, beside this one, has its own.

    Raises:
        ValueError: for a key of another length: a forked worker could not carry its mark (`mark_self`).
    """
    mark = f"{key}-{secrets.token_hex(4)}"
    if len(mark) != len(UNMARKED):
        raise ValueError(f"the key of a trial has {KEY_LENGTH} characters, not {len(key)}: {key}")
    return mark


def own_mark(key: str) -> str:
    """The mark of the run that this process belongs to; a new one where it was started by hand."""
    return os.environ.get(MARK) or mark_of(key)


def environment(mark: str, threads: int | None = None) -> dict[str, str]:
    """The environment of a process of a trial, built and never just inherited: whoever started us (a Dask
    nanny, say) may have set thread counts of its own."""
    env = {k: v for k, v in os.environ.items() if k not in THREAD_VARIABLES}
    env[MARK] = mark
    if threads:
        env.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    return env


def die_with_parent() -> None:
    """Asks the kernel for SIGKILL when the parent ends. (If it has ended already, the channel is closed.)"""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def signal_name(number: int) -> str:
    """`SIGSEGV`; `SIGRTMIN+6` of those in real time, of which `signal` has the first and the last alone."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"


def adopt_orphans() -> None:
    """Makes this process the one that orphans among its descendants fall to (a subreaper)."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def mark_self(mark: str) -> None:
    """Writes the mark over the one that this process was started with.

    `/proc/PID/environ` shows the memory that the process was started with, and a forked worker inherits its
    server's. Marks have one length, so the text can be replaced where it stands.
    """
    _libc.getenv.restype = ctypes.c_void_p
    address = _libc.getenv(MARK.encode())
    if address and len(ctypes.string_at(address)) == len(mark):
        ctypes.memmove(address, mark.encode(), len(mark))
    os.environ[MARK] = mark


def marked(mark: str) -> list[int]:
    """The living processes that carry `mark`, this one excepted; with a trial's key those of every run of it."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
            if any(v.startswith(wanted) for v in variables) and _state(entry) != "Z":
                found.append(int(entry.name))
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return found


def end_marked(mark: str, patience: float = 5.0) -> list[int]:
    """Kills every process that carries `mark`, stopped ones too, until none is left. Returns what stayed."""
    deadline = time.monotonic() + patience
    while pids := marked(mark):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            return pids
        time.sleep(0.02)
    return []


def reap_orphans() -> None:
    """Collects the adopted processes that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def oom_kills() -> int:
    """How many processes this machine has ended for want of memory since it started."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _state(entry: Path) -> str:
    return (entry / "stat").read_text().rpartition(")")[2].split()[0]
