"""What a call of the planted runtime does: known works, and what can be put around them."""

import collections
import hashlib
import itertools
import threading
import time


def until(options, result):
    """Busy until the monotonic clock has gone on by what the latency law says."""
    clock, seconds = time.perf_counter_ns, options["series"]

    def call():
        begin = clock()
        end = begin + round(next(seconds) * 1e9)
        while clock() < end:
            pass
        return result

    return call


def sleep(options, result):
    def call():
        time.sleep(options["seconds"])
        return result

    return call


def counted(options, result):
    """A loop whose length is known and its cost per turn constant (sums of Python integers grow slower)."""
    loops = options["loops"]

    def call():
        for _ in itertools.repeat(None, loops):
            pass
        return result

    return call


def consumed(options, result):
    """A counted loop without bytecode, for ratios that must be known. The interpreter's own loop has a handful of
    speeds, of which a process keeps one by the addresses that it happens to get: 400,000 turns took 1.75 to 2.75 ms in
    28 processes, 400,000 of this one 0.542 ms in each of 12."""
    loops = options["loops"]

    def call():
        collections.deque(itertools.repeat(None, loops), maxlen=0)
        return result

    return call


def matmul(options, result):
    """A product of square matrices, in as many threads as numpy's BLAS was told to use."""
    import numpy as np

    a = np.ones((options["loops"], options["loops"]), np.float32)
    out = np.empty_like(a)

    def call():
        np.matmul(a, a, out=out)
        return result

    return call


def nothing(options, result):
    return lambda: result


def item(options, result):
    x = (result,)
    return lambda: x[0]


WORKS = {work.__name__: work for work in (until, sleep, counted, consumed, matmul, nothing, item)}


def littering(call, objects):
    """`call` after leaving so many objects that only the garbage collector can free."""

    def littered():
        for _ in range(objects):
            circle = []
            circle.append(circle)
        return call()

    return littered


def spin(threads):
    """Starts threads that burn processor time without the interpreter lock, for the life of the process."""
    block = bytes(1 << 24)

    def burn():
        while True:
            hashlib.sha256(block)

    for _ in range(threads):
        threading.Thread(target=burn, daemon=True).start()
