"""Memory of a known size: held by a session, touched and freed in a call, and verbs that do so on demand."""

import mmap
from pathlib import Path

from benchlib.worker.service import verb

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


@verb
def plant(worker, request: dict) -> dict:
    """Keeps `held` MB touched, `reserved` MB mapped and untouched and the pages of `file`; frees `freed` MB again."""
    kept = worker.__dict__.setdefault("planted", [])
    if "held" in request:
        kept.append(touched(request["held"]))
    if "reserved" in request:
        kept.append(mmap.mmap(-1, request["reserved"] * MB))
    if "file" in request:
        with Path(request["file"]).open("rb") as file:
            kept.append(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        for page in range(0, request.get("read", len(kept[-1])), mmap.PAGESIZE):
            kept[-1][page]
    if "freed" in request:
        touch_and_free(request["freed"])
    return {}
