"""The environment of a script: which of its variables it reads, and whether it looks through all of them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# Variables that say where and how a process runs, and nothing of what it computes: of a terminal, a notebook's kernel,
# our own, and those that each process of a script is given alike.
_NEVER = re.compile(
    r"PATH|HOME|PWD|OLDPWD|TMPDIR|TMP|TEMP|SHELL|SHLVL|DISPLAY|COLUMNS|LINES|LANG|LANGUAGE|_|PAGER|GIT_PAGER|MPLBACKEND"
    r"|CLICOLOR.*|FORCE_COLOR|TERM.*|LC_.*|XDG_.*|JPY_.*|BENCHLIB_.*|PYTHON(HASHSEED|UNBUFFERED|PATH)"
    r"|IPYTHONDIR|PYDEVD_.*|TORCHINDUCTOR_(CACHE_DIR|COMPILE_THREADS)|PYTHONDONTWRITEBYTECODE"
    r"|(OMP|MKL|OPENBLAS|NUMEXPR)_NUM_THREADS"
)
# Packages read these for ends of their own: they count where the user's own code asks for one by its name.
_BY_NAME = re.compile(r"USER|LOGNAME|HOSTNAME|(OMP|MKL|KMP|GOMP|OPENBLAS|NUMEXPR|VECLIB)_.*")

# Packages read these when they are imported, and make other models for it.
_AT_IMPORT = re.compile(r"(TIMM|DIFFUSERS|TRANSFORMERS|XFORMERS|FLASH)_.*")


def may_count(name: str) -> bool:
    """Whether a variable counts where the user's own code asks for it."""
    return not _NEVER.fullmatch(name)


def counts_for_all(name: str) -> bool:
    """Whether it counts whoever asks."""
    return may_count(name) and not _BY_NAME.fullmatch(name)


def counts_at_import(name: str) -> bool:
    """Whether it counts where a package asks that the user's own code imports."""
    return may_count(name) and bool(_AT_IMPORT.fullmatch(name))


def names_of(environment: Iterable[str]) -> str:
    """A digest of the names of those that count."""
    names = "\0".join(sorted(filter(counts_for_all, environment)))
    return hashlib.sha256(names.encode(errors="surrogateescape")).hexdigest()[:16]


def digest_of(value: str | None) -> str:
    """What is kept of a variable's value, which may be a secret; "" where there is no such variable."""
    return "" if value is None else hashlib.sha256(value.encode(errors="surrogateescape")).hexdigest()[:16]


def hear_environment(asked: Callable[[str], None], listed: Callable[[], None]) -> None:
    """From now on `asked` is called with the name of each variable that is asked for, `listed` where the names are."""

    class Environment(type(os.environ)):  # type: ignore[misc]
        def __getitem__(self, name: Any) -> Any:
            asked(os.fsdecode(name) if isinstance(name, bytes) else name)
            return super().__getitem__(name)

        def __iter__(self) -> Iterator[Any]:
            listed()
            return super().__iter__()

        def __len__(self) -> int:
            listed()
            return super().__len__()

    os.environ.__class__ = Environment
    os.environb.__class__ = Environment
