"""The memory of this worker, phase by phase: the kernel's own high-water mark, reset before each phase.

VmHWM is the exact peak of the resident set, kept by the kernel; writing 5 to /proc/self/clear_refs sets it back
to what is resident now (proc(5)). It is neither sampled, nor inherited as ru_maxrss is, nor virtual as VmPeak.
It counts pages of mapped files once they are touched, and not the page cache. The kernel counts resident pages in
batches per CPU, so a small difference is right within ±0.5 MB.
"""

from __future__ import annotations

import gc
import importlib
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchlib.errors import Unavailable
from benchlib.record import Footprint
from benchlib.runtimes import _cuda
from benchlib.worker.messages import (
    Allocators,
    Done,
    ImportModules,
    MakeCalls,
    OpenSavedModel,
    ReadFootprint,
    ResetPeak,
)
from benchlib.worker.service import Worker, verb
from benchlib.worker.verbs import add_import_paths, open_saved_model

_SELF = Path("/proc/self")
_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_SETTINGS = re.compile(r"^(MALLOC_.*|GLIBC_TUNABLES|LD_PRELOAD|PYTHONMALLOC|PYTORCH_.*ALLOC_CONF)$")


@verb
def import_modules(worker: Worker, request: ImportModules) -> Allocators:
    """Imports modules, and on CUDA makes the empty context: what is there before anything of a model is."""
    add_import_paths(request.import_paths)
    for module in request.modules:
        importlib.import_module(module)
    if request.device != "cpu":
        _cuda.make_context(request.device)
    gc.collect()
    # What reading takes itself is there before the baseline is read.
    read_footprint(worker, ReadFootprint(request.device))
    return Allocators(allocator_settings())


@verb
def open_saved(worker: Worker, request: OpenSavedModel) -> Done:
    """Opens a loaded model from its folder, as an export begins with."""
    worker.model = open_saved_model(request.model)
    return Done()


@verb
def make_calls(worker: Worker, request: MakeCalls) -> Done:
    """Makes calls and times none of them."""
    for _ in range(request.calls):
        worker.last = next(worker.calls)()
    return Done()


@verb
def reset_peak(worker: Worker, request: ResetPeak) -> Done:
    """Sets the peaks back to what is held now. Raises Unavailable where the kernel does not let us."""
    try:
        (_SELF / "clear_refs").write_text("5")
    except OSError as error:
        raise Unavailable(f"{_SELF / 'clear_refs'} cannot be written ({error.strerror}): no peak by phase") from error
    if torch := _torch_on(request.device):
        torch.cuda.reset_peak_memory_stats(request.device)
    return Done()


@verb
def read_footprint(worker: Worker, request: ReadFootprint) -> Footprint:
    """What this process holds now and held at most since `reset_peak`, in bytes.

    The CUDA figures are those of torch's allocator, where torch uses CUDA in this worker, and NVML's of this process,
    contexts and all; else None.
    """
    status, rollup = _kilobytes(_SELF / "status"), _kilobytes(_SELF / "smaps_rollup")
    device = request.device
    torch = _torch_on(device)
    return Footprint(
        peak=status["VmHWM"],
        rss=status["VmRSS"],
        pss=rollup["Pss"],
        private=rollup["Private_Clean"] + rollup["Private_Dirty"],
        file=rollup["Pss_File"],
        untouched=untouched(request.folder),
        cuda_allocated=torch.cuda.max_memory_allocated(device) if torch else None,
        cuda_reserved=torch.cuda.max_memory_reserved(device) if torch else None,
        nvml=None if device == "cpu" else _nvml_used(device),
    )


def allocator_settings() -> dict[str, Any]:
    """What decides how allocators of this process behave: variables of the environment, and huge pages."""
    variables = {k: v for k, v in sorted(os.environ.items()) if _SETTINGS.match(k)}
    modes = _HUGE_PAGES.read_text() if _HUGE_PAGES.exists() else ""  # "always [madvise] never"
    return {"MALLOC_ARENA_MAX": None, **variables, "transparent_hugepage": modes.partition("[")[2].partition("]")[0]}


def untouched(folder: str) -> int:
    """Bytes of the files below `folder` that are mapped into this process and not resident."""
    found, inside = 0, False
    with (_SELF / "smaps").open() as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if " " in name:  # the head of a mapping: addresses, rights, offset, device, inode, file
                inside = f" {folder}/" in line
            elif inside and name in ("Size", "Rss"):
                found += (1 if name == "Size" else -1) * int(value.split()[0]) * 1024
    return found


def _kilobytes(path: Path) -> dict[str, int]:
    """The rows `name: n kB` of a file in /proc, in bytes."""
    return {name: int(n) * 1024 for name, n in re.findall(r"^(\w+):\s+(\d+) kB$", path.read_text(), re.MULTILINE)}


def _torch_on(device: str) -> Any:
    """torch, where the device is a GPU and this worker has used it by torch."""
    torch = sys.modules.get("torch") if device != "cpu" else None
    return torch if torch and torch.cuda.is_initialized() else None


def _nvml_used(device: str) -> int | None:
    """What NVML says this process uses of the device; None where it cannot tell (in a container, say, whose process
    numbers are not the driver's)."""
    with suppress(Unavailable):
        handle = _cuda.nvml_handle(device)
        import pynvml

        with suppress(pynvml.NVMLError):
            used = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
            return next((p.usedGpuMemory for p in used if p.pid == os.getpid()), None)
    return None
