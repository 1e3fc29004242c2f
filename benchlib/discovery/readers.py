"""Readers that open files without Python: they are wrapped when their module has been imported.

Not all are known here, and what they open is seen by the kernel too, in the folders that `opened` watches; these are
seen in whatever folder.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

# The readers, by the module after whose import they are wrapped.
READERS = {
    "safetensors": ("safe_open",),
    "torch": (
        "_C.PyTorchFileReader.__init__", "_C.import_ir_module", "UntypedStorage.from_file", "from_file",
    ),
    "onnxruntime": ("InferenceSession.__init__",),
    "tokenizers": ("Tokenizer.from_file",),
    "sentencepiece": ("SentencePieceProcessor.Load", "SentencePieceProcessor.LoadFromFile"),
    "h5py": ("File.__init__",),
    "cv2": ("imread",),
    "pyarrow": ("memory_map",),
    "pyarrow.csv": ("read_csv", "open_csv"),
    "pyarrow.dataset": ("dataset",),
    "pyarrow.feather": ("read_table", "read_feather"),
    "pyarrow.json": ("read_json",),
    "pyarrow.orc": ("read_table", "ORCFile.__init__"),
    "pyarrow.parquet": ("read_table", "ParquetFile.__init__", "ParquetDataset.__init__"),
    "torchvision.io.image": ("read_file",),
}  # fmt: skip


def after_import(read: Callable[[Any], None]) -> dict[str, Callable[[Any], None]]:
    """What is to be called with modules once they are imported, by their names, so that `read` is called with each path
    that a reader of theirs is given."""
    return {module: functools.partial(_wrap, readers, read) for module, readers in READERS.items()}


def files_of(path: Any) -> Iterator[Any]:
    """The files that a reader opens which is given this path: a graph leads to those of its weights. Of a folder, those
    below it, and the folders."""
    for folder, _, files in os.walk(path):
        yield folder
        yield from (os.path.join(folder, name) for name in files)
    if os.path.isfile(path):
        yield path
        if os.fspath(path).endswith(".onnx"):
            import onnx

            from benchlib.onnx_facts import external_files

            yield from external_files(onnx.load(path, load_external_data=False), Path(path).parent)


def _wrap(readers: Iterable[str], read: Callable[[Any], None], module: Any) -> None:
    for reader in readers:
        owner, _, name = reader.rpartition(".")
        try:
            place = functools.reduce(getattr, filter(None, owner.split(".")), module)
            setattr(place, name, _wrapped(getattr(place, name), read))
        except (AttributeError, TypeError):  # this version has none, or none that can be wrapped
            continue


def _wrapped(reader: Callable[..., Any], read: Callable[[Any], None]) -> Callable[..., Any]:
    @functools.wraps(reader, updated=())
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        for path in (*args, *kwargs.values()):
            if isinstance(path, (str, os.PathLike)):
                read(path)
        return reader(*args, **kwargs)

    return wrapped
