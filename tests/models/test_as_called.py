"""A model that was stored answers as it did where it was called, or says how it does not."""

import copy
import os

import numpy as np
import pytest
import torch
from torch import nn

from benchlib.models import _as_called

X = {"x": torch.linspace(-1, 1, 8).reshape(2, 4)}


class Scaled(nn.Module):
    """Times a number that is found outside."""

    def forward(self, x):
        return {"scaled": x * float(os.environ.get("SCALE", "1")), "rank": x.argmax(-1)}


class Doubles(nn.Module):
    def forward(self, x):
        return x.double() if os.environ.get("SCALE") else x


class Longer(nn.Module):
    def forward(self, x):
        return x.repeat(2, 1) if os.environ.get("SCALE") else x


class Ranks(nn.Module):
    def forward(self, x):
        return (x * float(os.environ.get("SCALE", "1"))).argmax(-1)


class Drops(nn.Module):
    def forward(self, x):
        return torch.dropout(x * float(os.environ.get("SCALE", "1")), 0.5, True)


class Counts(nn.Module):
    """Answers otherwise at its second call, and the same at each first one."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x * self.calls * float(os.environ.get("SCALE", "1"))


class Raises(nn.Module):
    def forward(self, x):
        raise RuntimeError("at every call")


def difference(folder, module, scale: str, monkeypatch) -> str:
    """Between its answer there, where SCALE is set, and here, where it is not."""
    monkeypatch.setenv("SCALE", scale)
    _as_called.keep(folder, copy.deepcopy(module), X, ["x"])
    monkeypatch.delenv("SCALE")
    return _as_called.difference(folder, lambda: copy.deepcopy(module)(**X))


@pytest.mark.parametrize(
    ("module", "scale", "words"),
    [
        (Scaled(), "2", "output scaled is 1 apart, of at most 2"),
        (Scaled(), "1.001", "output scaled is 0.001 apart, of at most 1"),
        (Scaled(), "nan", "output scaled is finite only there or here"),
        (Counts(), "2", "output x is 1 apart, of at most 2"),
        (Doubles(), "2", "is float64 there, float32 here"),
        (Longer(), "2", "is [4, 4] there, [2, 4] here"),
        (Ranks(), "-1", "differs at 2 of 2 places"),
    ],
)
def test_another_answer_is_told(module, scale, words, monkeypatch, tmp_path):
    assert words in difference(tmp_path, module, scale, monkeypatch)


@pytest.mark.parametrize(
    ("module", "scale"),
    [(Scaled(), "1"), (Scaled(), "1.00001"), (Ranks(), "3"), (Drops(), "2"), (Raises(), "2"), (Counts(), "1")],
)
def test_rounding_chance_and_failures_are_no_difference(module, scale, monkeypatch, tmp_path):
    torch.manual_seed(0)
    assert difference(tmp_path, module, scale, monkeypatch) == ""


def test_nothing_was_kept_of_what_python_gave(tmp_path):
    assert _as_called.difference(tmp_path, lambda: Scaled()(**X)) == ""


def test_half_precision_is_compared_as_numbers(tmp_path):
    halves = {"x": X["x"].bfloat16()}
    _as_called.keep(tmp_path, nn.Identity(), halves, ["x"])
    assert _as_called.difference(tmp_path, lambda: halves["x"]) == ""
    assert "apart" in _as_called.difference(tmp_path, lambda: halves["x"].clamp(0, 1))
    assert np.load(tmp_path / _as_called.FILE).files
