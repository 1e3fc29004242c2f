"""What of all that a script's process does is the script's: which paths count, and whose code acts.

No installed package counts, whose version counts elsewhere, no part of the system, no cache of a tool, nothing of this
library.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchlib.discovery import names

_LIBRARY = str(Path(__file__).parents[1]) + os.sep
_OF_A_SYSTEM = ("bin", "sbin", "lib", "lib64", "libexec", "include", "share")
_SYSTEM = ("/etc", "/proc", "/sys", "/dev", "/run", "/boot", "/snap", "/var/cache", "/var/run", "/var/log")
_CACHES = (
    ".dist-info/", ".egg-info/", "/__pycache__/", "/matplotlib/", "/fontconfig/", "/torchinductor_", "/.triton/",
    "/.nv/", "/torch/kernels/",
)  # fmt: skip


class Scope:
    """What counts for one script, from now on.

    Args:
        script: its path.
        apart: folders that are ours, which the script knows nothing of.
    """

    def __init__(self, script: str, apart: Sequence[str]):
        self._script, self._folder = script, os.path.dirname(script) + os.sep
        self._own = (self._folder, os.getcwd() + os.sep)
        self._excluded = (*_packages(), *_system(), *(f"{folder}{os.sep}" for folder in apart))
        self._scratch, self.began = tempfile.gettempdir() + os.sep, time.time_ns()

    def name(self, path: Any) -> str:
        """The whole path of what counts; "" for all else."""
        if isinstance(path, (str, bytes, os.PathLike)):
            name = os.path.abspath(os.fsdecode(path))
            if self._counts(name):
                return name
        return ""

    def _counts(self, path: str) -> bool:
        if path.startswith(self._excluded) or any(cache in path for cache in _CACHES) or path == self._script:
            return False
        return not path.startswith(_LIBRARY) or path.startswith(self._folder)

    def is_scratch(self, path: str, changed: int) -> bool:
        """Whether a file of the folder for such files was made by this run itself."""
        return changed >= self.began and path.startswith(self._scratch) and not path.startswith(self._own)

    def is_users(self) -> bool:
        """Whether the user's own code does this, itself or through a package that it calls; not the import of one."""
        frame = sys._getframe(1)
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith("<frozen importlib"):
                return False
            if names.is_users(file, self._script) and self._is_outside(file):
                return True
            frame = frame.f_back
        return False

    def _is_outside(self, file: str) -> bool:
        return file == self._script or not file.startswith(_LIBRARY) or file.startswith(self._folder)


def _packages() -> tuple[str, ...]:
    """Where the interpreter's own modules and the installed packages are."""
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    places |= {place for place in sys.path if os.path.basename(place) in ("site-packages", "dist-packages")}
    places |= {site.getusersitepackages()}
    return tuple(f"{form}{os.sep}" for place in filter(None, places) for form in {place, os.path.realpath(place)})


def _system() -> tuple[str, ...]:
    prefixes = {sys.prefix, sys.base_prefix, "/usr", "/usr/local", "/"}
    places = (*(os.path.join(prefix, part) for prefix in prefixes for part in _OF_A_SYSTEM), *_SYSTEM)
    return tuple(f"{place}{os.sep}" for place in places)
