"""What can go wrong in a process, on demand."""

import ctypes
import os
import signal
import time


def hold_interpreter_lock() -> None:
    """Sleeps for an hour in C without giving the interpreter lock back."""
    ctypes.PyDLL(None).sleep(3600)


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
    "kill_kernel": lambda: os.kill(int(os.environ["BENCHLIB_TEST_KERNEL"]), signal.SIGKILL),
}
