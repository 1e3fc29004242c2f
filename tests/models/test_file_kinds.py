"""Files that are no model, or not the whole of one: each is told in a line with the way out, before anything runs."""

import gzip
import io
import json
import lzma
import re
import zipfile

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from benchlib.errors import UserError
from benchlib.mistakes import make
from benchlib.models import _inputs
from benchlib.plan.rules import refusal
from benchlib.remembered import forget

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 12345\n"
PAGE = "<!DOCTYPE html>\n<html><head><title>net.onnx at main</title></head></html>"


def graph(weights: int = 0) -> onnx.ModelProto:
    """`y = x + b`, with as many further weights."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    held = [numpy_helper.from_array(np.ones(4, np.float32), "b")]
    held += [numpy_helper.from_array(np.ones(weights, np.float32), "w")] if weights else []
    made = helper.make_graph([helper.make_node("Add", ["x", "b"], ["y"])], "g", values[:1], values[1:], held)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def archive(**files: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as held:
        for name, text in files.items():
            held.writestr(name, text)
    return written.getvalue()


def saved(value) -> bytes:
    written = io.BytesIO()
    torch.save(value, written)
    return written.getvalue()


ONNX = graph().SerializeToString()
SAVED = saved({"weight": torch.ones(2)})


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("net.onnx", b"", "the file is empty: fetch it again"),
        ("net.onnx", LFS.encode(), "a Git-LFS pointer of 82 bytes, not the file itself: `git lfs pull`"),
        ("net.onnx", PAGE.encode(), "it is a web page, not a model: download the file itself"),
        ("net.onnx", ("\n " + PAGE).encode(), "it is a web page"),
        ("net.onnx", b'{"error": "not found"}', "it is JSON, not a model"),
        ("net.onnx", b"Not Found\n", "it is text, not a model"),
        ("net.onnx", "é".encode() * 900, "it is text, not a model"),
        ("net.onnx", ONNX[:-20], r"not a readable ONNX file of \d+ bytes: cut short, damaged or none at all"),
        ("net.onnx", gzip.compress(ONNX, mtime=0), "it is packed: `gunzip -k net.onnx` unpacks it"),
        ("net.onnx", SAVED, "torch.save wrote it.*no program: give a script"),
        ("net.onnx", b"GGUF" + bytes(99), "it is a model of llama.cpp"),
        ("net.onnx", b"\x89HDF\r\n\x1a\n" + bytes(99), "it is a model of Keras: `tf2onnx`"),
        ("net.onnx.gz", gzip.compress(ONNX, mtime=0), "it is packed: `gunzip -k net.onnx.gz` unpacks it"),
        ("net.onnx.xz", lzma.compress(ONNX), "it is packed: `xz -dk net.onnx.xz` unpacks it"),
        ("net.onnx.zip", archive(net="x"), "it is packed: `unzip net.onnx.zip` unpacks it"),
        ("net.pt", b"", "the file is empty"),
        ("net.pt", LFS.encode(), "a Git-LFS pointer"),
        ("net.pt", SAVED, "torch.save wrote it.*give a script that loads it"),
        ("net.pt", SAVED[:-40], "an archive that is cut short or damaged"),
        ("net.pth", b"\x80\x02}q\x00.", "torch.save wrote it"),
        ("net.pt2", SAVED, "torch.save wrote it"),
        ("net.pt2", PAGE.encode(), "it is a web page"),
        ("net.pt2", bytes(range(200)), "no archive of torch's, or damaged"),
        ("net.safetensors", LFS.encode(), "a Git-LFS pointer"),
        ("net.safetensors", bytes(99), "weights without their model: give the directory"),
        ("net.ipynb", b"{}", r"a notebook, no script: `jupyter nbconvert --to script net.ipynb` makes net.py of it"),
        ("study.yaml", b"name: x", "a study: `benchlib sweep study.yaml`"),
        ("net.ort", bytes(99), "in onnxruntime's own format"),
        ("net.xyz", bytes(range(200)), r"nothing tells what it is; files that are models end in \.onnx"),
    ],
)
def test_a_file_that_is_no_model_is_told_in_one_line_with_the_way_out(main, tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    for words in (["run", name], [name]):
        (line,) = main(*words, expect=2).stderr.strip().splitlines()
        assert line.startswith("benchlib: ")
        assert re.search(told, line), line


def test_a_file_that_is_not_there_is_told_whatever_its_folder_is_called(main):
    for name in ("net.onnx", "nets/net.pt2", "net.pt", "./net.ipynb"):
        assert "there is no such file" in main("run", name, expect=2).stderr


def test_what_lies_elsewhere_is_told_how_to_give_it(main):
    assert "download the file and give its path" in main("https://host/net.onnx", expect=2).stderr
    assert "is hub:google-bert/base" in main("google-bert/base", expect=2).stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "external data net.bin is not beside it"),
        (b"", "external data net.bin: the file is empty"),
        (LFS.encode(), "external data net.bin: it is a Git-LFS pointer"),
        (bytes(1000), r"external data net.bin is cut short: 1000 bytes, of which the graph reads 8\d\d\d"),
    ],
)
def test_external_data_is_there_as_a_whole_or_told(main, tmp_path, content, told):
    onnx.save(graph(weights=2000), tmp_path / "net.onnx", save_as_external_data=True, location="net.bin")
    assert make({"model": str(tmp_path / "net.onnx")}).identity()
    (tmp_path / "net.bin").unlink()
    if content is not None:
        (tmp_path / "net.bin").write_bytes(content)
    assert re.search(told, main("run", "net.onnx", expect=2).stderr)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("model.safetensors", LFS.encode(), "model.safetensors: it is a Git-LFS pointer"),
        ("model.safetensors", b"", "model.safetensors: the file is empty"),
        ("model.safetensors", (50).to_bytes(8, "little") + b"{", "model.safetensors: it is cut short or damaged"),
        ("pytorch_model.bin", LFS.encode(), "pytorch_model.bin: it is a Git-LFS pointer"),
        ("spiece.model", LFS.encode(), "spiece.model: it is a Git-LFS pointer"),
    ],
)
def test_a_directory_whose_weights_or_tokenizer_are_not_there_is_told(tmp_path, name, content, told):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "notes.txt").write_text("")
    trial = make({"model": str(tmp_path)})
    assert trial.identity()
    (tmp_path / name).write_bytes(content)
    forget()
    with pytest.raises(UserError, match=told):
        trial.identity()


def test_whole_safetensors_are_taken(tmp_path):
    from safetensors.torch import save_file

    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    save_file({"a": torch.ones(3), "b": torch.zeros(0)}, tmp_path / "model.safetensors", {"format": "pt"})
    assert "model.safetensors" in make({"model": str(tmp_path)}).identity()[1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (LFS.encode(), "net.py: it is a Git-LFS pointer"),
        (b"x = 1\ndef (:\n", "net.py:2: it is no Python: invalid syntax"),
        (b"x = 1\0", "net.py: it is no Python: source code string cannot contain null bytes"),
        (b"# -*- coding: nope -*-\n", "net.py: it is no Python: "),
    ],
)
def test_a_script_that_is_none_is_refused_before_it_runs(tmp_path, content, told):
    (tmp_path / "net.py").write_bytes(content)
    assert refusal(make({"model": str(tmp_path / "net.py")})).startswith(told)


def test_inputs_that_are_not_there_end_the_plan():
    with pytest.raises(UserError, match=r"inputs 'none\.npz': there is no such file or folder"):
        _inputs.identity("none.npz")
