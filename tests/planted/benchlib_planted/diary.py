"""The diary of a planted contender: begin and end of every call, as it saw them itself."""

import itertools
import mmap
import os
import struct
import time
from pathlib import Path

_NUMBERS = itertools.count()
CALLS = 20_000  # that a diary has room for
ENTRY = struct.Struct("QQ")  # begin and end of a call


def kept(call, path, digest):
    """`call`, each of whose calls is written down in `path`; process, input hash and a number go into the file's name.

    Memory of a file: a line of the diary costs no system call, and stands there whatever becomes of us.
    """
    name, calls = f"{path}.{os.getpid()}.{digest}.{next(_NUMBERS)}", 0
    Path(name).write_bytes(bytes(CALLS * ENTRY.size))
    with open(name, "r+b") as file:
        diary = mmap.mmap(file.fileno(), 0)
    for page in range(0, len(diary), mmap.PAGESIZE):
        diary[page] = 0  # a page's first writing costs a fault, which would fall into a sample

    def written():
        nonlocal calls
        begin = time.perf_counter_ns()
        out = call()
        ENTRY.pack_into(diary, calls * ENTRY.size, begin, time.perf_counter_ns())
        calls += 1
        return out

    return written
