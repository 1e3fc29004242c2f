"""ONNX files whose weights lie behind links, as a hub's cache and installers of packages leave them: onnx opens no
external data that is one (`onnx.external_data_helper`, since 1.21), nor does what reads by it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchlib.onnx_facts import external_ends


@contextmanager
def without_links(path: Path) -> Iterator[Path]:
    """The ONNX file itself; where external data beside it is a link, symbolic or hard, a copy of all of it in a folder
    that is gone afterwards."""
    import onnx

    names = list(external_ends(onnx.load(path, load_external_data=False)))
    if not any(_is_link(path.parent, name) for name in names):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="benchlib-") as folder:
        for name in (path.name, *names):
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path.parent / name, target)
        yield Path(folder, path.name)


def load(path: Path) -> Any:
    """The model of a file (an `onnx.ModelProto`), with all of its weights."""
    import onnx

    with without_links(path) as file:
        return onnx.load(file)


def _is_link(folder: Path, name: str) -> bool:
    file = folder / name
    return file.resolve() != folder.resolve() / name or file.stat().st_nlink > 1
