"""What can go wrong in a process, on demand."""

import ctypes
import os
import signal
import time
from pathlib import Path


def hold_interpreter_lock() -> None:
    """Sleeps for an hour in C without giving the interpreter lock back."""
    ctypes.PyDLL(None).sleep(3600)


def _kernel() -> int:
    """The notebook's kernel of the trial that this worker belongs to."""
    from benchlib.worker import process

    marked = process.marked(os.environ[process.MARK])
    return next(p for p in marked if b"ipykernel" in Path(f"/proc/{p}/cmdline").read_bytes())


FAULTS = {
    "": lambda: None,
    "raise": lambda: (_ for _ in ()).throw(RuntimeError("this exporter cannot export operator 'Planted' 42")),
    "abort": os.abort,
    "exit": lambda: os._exit(3),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "sleep": lambda: time.sleep(3600),
    "hold": hold_interpreter_lock,
    "memory": lambda: (_ for _ in ()).throw(MemoryError("Unable to allocate 10 TiB")),
    "garbage": lambda: print("\x00\xff garbage {not json", flush=True),
    "kill_kernel": lambda: os.kill(_kernel(), signal.SIGKILL),
}


def at(call, number, fault):
    """`call`, with a fault at its call `number`."""
    calls = 0

    def faulty():
        nonlocal calls
        calls += 1
        if calls == number:
            FAULTS[fault]()
        return call()

    return faulty
