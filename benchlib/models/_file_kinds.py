"""What a file is that was given as a model and is none that can be run: each kind in a line with the way out.

A kind is told from the name where the name says it, else from the first bytes. Nothing is unpacked, fetched or
converted. Standard library alone: a plan asks.
"""

from __future__ import annotations

import ast
import json
import zipfile
from pathlib import Path

from benchlib.errors import UserError
from benchlib.files import digest_of
from benchlib.remembered import remembered

HEAD = 1024  # bytes that are looked at
# Ends of names -> what such a file is, and what to give in its place; `{stem}` is the name without its last end.
BY_NAME = {
    ".ipynb": "a notebook, no script: `jupyter nbconvert --to script {name}` makes {stem}.py of it",
    ".safetensors": "weights without their model: give the directory that holds them beside their config.json, or a "
    "script that loads them and calls the model",
    ".bin": "weights without their model: give the directory that holds them beside their config.json",
    ".ckpt": "weights without their model: give a script that loads them and calls the model",
    ".pkl": "a pickle: give a script that opens it and calls the model, or ONNX (skl2onnx makes it of scikit-learn's)",
    ".joblib": "a pickle: give a script that opens it and calls the model, or ONNX (skl2onnx makes it)",
    ".h5": "a model of Keras: `tf2onnx` makes ONNX of it",
    ".keras": "a model of Keras: `tf2onnx` makes ONNX of it",
    ".pb": "a graph of TensorFlow: `tf2onnx` makes ONNX of it",
    ".tflite": "a model of TensorFlow Lite: `tf2onnx --tflite` makes ONNX of it",
    ".xml": "a model of OpenVINO's own: give the ONNX file that it was made of, and runtime: openvino",
    ".ort": "a model in onnxruntime's own format: give the ONNX file that it was made of",
    ".engine": "an engine of TensorRT: give the ONNX file that it was made of, and provider: TensorRT",
    ".plan": "an engine of TensorRT: give the ONNX file that it was made of, and provider: TensorRT",
    ".gguf": "a model of llama.cpp: give the directory in Hugging Face layout that it was made of",
    ".yaml": "a study: `benchlib sweep {name}`",
    ".yml": "a study: `benchlib sweep {name}`",
    ".npz": "no model but arrays: give them beside one, as inputs",
    ".npy": "no model but an array: give an .npz of the inputs beside one, as inputs",
}
PACKED = {  # first bytes -> what unpacks it
    b"\x1f\x8b": "gunzip -k",
    b"\xfd7zXZ\x00": "xz -dk",
    b"BZh": "bunzip2 -k",
    b"\x28\xb5\x2f\xfd": "zstd -d",
    b"7z\xbc\xaf\x27\x1c": "7z x",
    b"PK\x03\x04": "unzip",
}
_LFS = b"version https://git-lfs.github.com/spec/"
_AGAIN = "fetch it again"
_TORCH = "torch.save wrote it, so it holds weights or refers to classes, and no program"
_GIVE_PROGRAM = (
    "give a script that loads it and calls the model, or a file of torch.jit.save or torch.export.save (.pt2)"
)


def by_name(path: Path) -> str | None:
    """What a file is that nothing here opens, as its name says it; None where it says nothing."""
    text = BY_NAME.get(path.suffix.lower())
    return text and f"it is {text.format(name=path.name, stem=path.stem)}"


def fault(path: Path) -> str | None:
    """What a file is by its content, where that is none of a model's; None where nothing is to be seen from outside."""
    size = path.stat().st_size
    if missing := stub(path):
        return missing
    with path.open("rb") as file:
        head = file.read(HEAD)
    if zipfile.is_zipfile(path):
        return _in_archive(path)
    for magic, command in PACKED.items():
        if head.startswith(magic):
            if command == "unzip":
                return f"it is an archive that is cut short or damaged ({size} bytes): {_AGAIN}"
            return f"it is packed: `{command} {path.name}` unpacks it"
    if head[257:262] == b"ustar":
        return f"it is packed: `tar -xf {path.name}` unpacks it"
    return _text(head) or _of_others(head)


def stub(path: Path) -> str | None:
    """Why a file of any kind is not there although its name is; None where it is."""
    return pointer(path) if path.stat().st_size else f"the file is empty: {_AGAIN}"


def pointer(path: Path) -> str | None:
    """The same of a file that may be empty."""
    with path.open("rb") as file:
        if file.read(len(_LFS)) != _LFS:
            return None
    size = path.stat().st_size
    return f"it is a Git-LFS pointer of {size} bytes, not the file itself: `git lfs pull` fetches that"


def no_python(path: Path) -> str | None:
    """Why a file whose name says so is no script of Python; None where it is one."""
    if said := pointer(path):
        return f"{path.name}: {said}"
    try:
        ast.parse(path.read_bytes(), path.name)
    except SyntaxError as error:
        return f"{path.name}{f':{error.lineno}' if error.lineno else ''}: it is no Python: {error.msg}"
    except ValueError as error:  # as of a byte that no text has
        return f"{path.name}: it is no Python: {error}"
    return None


def safetensors_fault(path: Path) -> str | None:
    """What is wrong with a file of safetensors: its header lies in the first bytes, and says how long the file is."""
    if missing := stub(path):
        return missing
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(length)) if length + 8 <= size else None
            ends = [entry["data_offsets"][1] for name, entry in (header or {}).items() if name != "__metadata__"]
        except (ValueError, TypeError, KeyError, IndexError):
            header = None
    if header is not None and 8 + length + max(ends, default=0) <= size:
        return None
    return fault(path) or f"it is cut short or damaged ({size} bytes): {_AGAIN}"


def torch_archive(path: Path) -> str:
    """Which of torch's archives a file is: `torchscript`, `exported`, `aoti`, `pickle`; "" for any other file."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:  # as torch saved before version 1.6
            return "pickle" if file.read(2) in (b"\x80\x02", b"\x80\x03", b"\x80\x04") else ""
    with zipfile.ZipFile(path) as archive:
        names = [f"/{name.partition('/')[2] or name}" for name in archive.namelist()]  # without the folder of all
    if "/constants.pkl" in names and any(name.startswith("/code/") for name in names):
        return "torchscript"
    if any(name.startswith("/models/") for name in names) or "/serialized_exported_program.json" in names:
        return "exported"
    if any(name.startswith("/data/aotinductor/") for name in names):
        return "aoti"
    return "pickle" if "/data.pkl" in names else ""


@remembered
def archive_identity(path: Path, wanted: str) -> dict[str, str]:
    """The sha256 of an archive of torch's of the kind `wanted`, by its name. Raises UserError for what is none."""
    if wrong := _not_this_archive(path, wanted):
        raise UserError(f"model '{path}': {wrong}")
    return {path.name: digest_of(path)}


def _not_this_archive(path: Path, wanted: str) -> str | None:
    """Why a file is not the archive of torch's that its name says; None where it is."""
    found = torch_archive(path)
    if found == wanted:
        return None
    if found == "pickle":
        return f"{_TORCH}: {_GIVE_PROGRAM}"
    if found == "aoti":
        return "AOTInductor compiled it for one machine: give the model, and exporter: aot_inductor"
    if found == "exported":
        return "torch.export.save wrote it: rename it to .pt2"
    if found == "torchscript":
        return "torch.jit.save wrote it: rename it to .pt"
    return fault(path) or f"it is no archive of torch's, or damaged ({path.stat().st_size} bytes): {_AGAIN}"


def _in_archive(path: Path) -> str:
    kind = torch_archive(path)
    if kind == "pickle":
        return f"{_TORCH}: {_GIVE_PROGRAM}"
    if kind:
        return f"it is an archive of torch's: rename it to {'.pt' if kind == 'torchscript' else '.pt2'}"
    return f"it is packed: `unzip {path.name}` unpacks it"


def _text(head: bytes) -> str | None:
    """What a text is; None for what is none."""
    try:
        text = head.decode().lstrip("\ufeff \t\r\n")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # a letter may be cut off at the end of what was read
            return None
        text = head[: error.start].decode().lstrip()
    if any(not (letter.isprintable() or letter.isspace()) for letter in text):
        return None
    if text[:1] == "<":
        return (
            "it is a web page, not a model: download the file itself (where it is shown, the link is called raw or "
            "download)"
        )
    if text[:1] in "{[":
        return "it is JSON, not a model: a configuration, or what a server answered in its place; download the file"
    return "it is text, not a model"


def _of_others(head: bytes) -> str | None:
    if head.startswith(b"GGUF"):
        return f"it is {BY_NAME['.gguf']}"
    if head.startswith(b"\x89HDF"):
        return f"it is {BY_NAME['.h5']}"
    if head[4:8] == b"TFL3":
        return f"it is {BY_NAME['.tflite']}"
    if head[4:8] == b"ORTM":
        return f"it is {BY_NAME['.ort']}"
    if head.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return f"it is a pickle: {_GIVE_PROGRAM}"
    if head.startswith(b"\x7fELF"):
        return "it is machine code, not a model"
    return None
