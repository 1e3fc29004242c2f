"""What of all that a script's process does is the script's: which paths count, and whose code acts.

No installed package counts, whose version counts elsewhere, no cache of a tool, nothing of this library; a part of the
system where the user's own code names it.
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

_HERE = str(Path(__file__).parent) + os.sep
_LIBRARY = str(Path(__file__).parents[1]) + os.sep
_NEVER = ("/proc/", "/sys/")  # they differ at each look
_SYSTEM = tuple(
    f"{place}/"
    for place in (
        "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64",
        "/usr/libexec", "/usr/include", "/usr/share", "/usr/local/bin", "/usr/local/sbin", "/usr/local/include",
        "/etc", "/dev", "/run", "/boot", "/snap", "/var/cache", "/var/run", "/var/log",
    )
)  # fmt: skip
_NO_SYSTEM = ("/dev/shm/", "/run/media/")  # data in the midst of it
_OF_AN_ENVIRONMENT = ("bin", "lib", "lib64", "include", "share")  # of a virtual one: it belongs to its packages
_CACHES = (
    ".dist-info/", ".egg-info/", "/__pycache__/", "/.cache/matplotlib/", "/.config/matplotlib/", "/.cache/fontconfig/",
    "/torchinductor_", "/.triton/", "/.nv/", "/.cache/torch/kernels/",
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
        self._excluded = (*_packages(), *_NEVER, *(f"{folder}{os.sep}" for folder in apart))
        self._scratch, self.began = (tempfile.gettempdir() + os.sep, "/dev/shm/"), time.time_ns()

    def name(self, path: Any, is_named: bool = True) -> str:
        """The whole path of what counts; "" for all else. `is_named`: whether it may be the user's own code that names
        it now."""
        if isinstance(path, (str, bytes, os.PathLike)):
            name = os.path.abspath(os.fsdecode(path))
            if self._counts(name) and (not self._is_systems(name) or (is_named and self.is_users_own())):
                return name
        return ""

    def has(self, folder: str) -> bool:
        """Whether what lies in a folder counts, whoever reads it."""
        return bool(self.name(os.path.join(folder, "any"), is_named=False))

    def _counts(self, path: str) -> bool:
        if path.startswith(self._excluded) or any(cache in path for cache in _CACHES) or path == self._script:
            return False
        return not path.startswith(_LIBRARY) or path.startswith(self._folder)

    def _is_systems(self, path: str) -> bool:
        return path.startswith(_SYSTEM) and not path.startswith((*_NO_SYSTEM, *self._own))

    def is_scratch(self, path: str, changed: int) -> bool:
        """Whether a file of the folder for such files was made by this run itself."""
        return changed >= self.began and path.startswith(self._scratch) and not path.startswith(self._own)

    def is_made_here(self, path: str) -> bool:
        """Whether this run itself made what lies there."""
        try:
            return os.lstat(path).st_ctime_ns >= self.began
        except OSError:
            return False

    def is_users(self, imports: bool = False) -> bool:
        """Whether the user's own code does this, itself or through a package that it calls; `imports`: or that it
        imports."""
        frame = sys._getframe(1)
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith("<frozen importlib") and not imports:
                return False
            if self.is_file_of_user(file):
                return True
            frame = frame.f_back
        return False

    def is_users_own(self, imports: bool = False) -> bool:
        """Whether the user's code does this with nothing but Python's library between; `imports`: an import too."""
        return self.between(imports) is not None

    def between(self, imports: bool = False) -> list[str] | None:
        """The functions of Python's library through which the user's own code does this, the innermost first; None
        where it is the code of a package."""
        frame, found = sys._getframe(1), list[str]()
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith("<frozen importlib"):
                if not imports:
                    return None
            elif file.startswith(_HERE):
                if found:  # we do it ourselves
                    return None
            else:
                if self.is_file_of_user(file):
                    return found
                if not file.startswith("<") and not names.is_of_python(file):
                    return None
                found.append(frame.f_code.co_name)
            frame = frame.f_back
        return None

    def is_file_of_user(self, file: str) -> bool:
        """Whether code is the user's, by its file."""
        return names.is_users(file, self._script) and self._is_outside(file)

    def _is_outside(self, file: str) -> bool:
        return file == self._script or not file.startswith(_LIBRARY) or file.startswith(self._folder)


def _packages() -> tuple[str, ...]:
    """Where the interpreter's own modules and the installed packages are."""
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    places |= {place for place in sys.path if os.path.basename(place) in ("site-packages", "dist-packages")}
    places |= {site.getusersitepackages()}
    for prefix in {sys.prefix, sys.base_prefix} - {"/", "/usr", "/usr/local"}:  # there other things lie beside it
        places |= {os.path.join(prefix, part) for part in _OF_AN_ENVIRONMENT}
    return tuple(f"{form}{os.sep}" for place in filter(None, places) for form in {place, os.path.realpath(place)})
