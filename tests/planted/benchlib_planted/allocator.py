"""Memory of a known size: held by a session, touched and freed in a call, and verbs that do so on demand."""

import mmap
from dataclasses import dataclass

from benchlib.worker.messages import Done, Request
from benchlib.worker.service import Worker, verb

MB = 1 << 20


def touched(megabytes: float) -> mmap.mmap:
    """Memory of the kernel's own, outside of every allocator, each page of it written to."""
    memory = mmap.mmap(-1, max(1, int(megabytes * MB)))
    for page in range(0, len(memory), mmap.PAGESIZE):
        memory[page] = 1
    return memory


def touch_and_free(megabytes: float) -> None:
    touched(megabytes).close()


def allocating(call, megabytes: float):
    """`call` after touching and freeing so much memory."""

    def allocated():
        touch_and_free(megabytes)
        return call()

    return allocated


@dataclass(frozen=True)
class Plant(Request[Done], verb="plant"):
    """Keeps `held` MB touched, `reserved` MB mapped and untouched and the pages of `file`; frees `freed` MB again."""

    held: float = 0
    reserved: int = 0
    file: str = ""
    read: int | None = None  # bytes of the file; None: all
    freed: float = 0


@verb
def plant(worker: Worker, request: Plant) -> Done:
    kept = worker.__dict__.setdefault("planted", [])
    if request.held:
        kept.append(touched(request.held))
    if request.reserved:
        kept.append(mmap.mmap(-1, request.reserved * MB))
    if request.file:
        with open(request.file, "rb") as file:
            kept.append(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        for page in range(0, len(kept[-1]) if request.read is None else request.read, mmap.PAGESIZE):
            kept[-1][page]
    if request.freed:
        touch_and_free(request.freed)
    return Done()
