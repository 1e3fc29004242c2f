"""The standard parameters of a script: names, defaults, the command line, and scripts written for MLAgility."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchlib.discovery import discover
from benchlib.errors import UnknownName
from benchlib.parser import parse

ROOT = Path(__file__).parent.parent
DOCUMENTED = {
    "batch_size": 1,
    "max_seq_length": 128,
    "max_audio_seq_length": 25600,
    "height": 224,
    "num_channels": 3,
    "width": 224,
    "k": 8,
    "alpha": 2.2,
    "out_channels": 16,
    "num_layers": 8,
    "in_channels": 1433,
}
MLAGILITY = """
import torch
from mlagility.parser import parse

batch_size, alpha = parse(["batch_size", "alpha"])
torch.nn.Linear(3, 2)(torch.ones(batch_size, 3) * alpha)
"""


def test_all_names_have_the_documented_defaults(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["net.py"])
    assert dict(zip(DOCUMENTED, parse(list(DOCUMENTED)), strict=True)) == DOCUMENTED


def test_values_come_in_the_order_of_the_names_with_their_types(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["net.py", "--alpha", "3", "--batch_size=8"])
    assert parse(["batch_size", "k", "alpha"]) == [8, 8, 3.0]
    assert parse(["alpha", "batch_size"]) == [3.0, 8]


def test_one_name_gives_a_list_too(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["net.py", "--k", "2"])
    assert parse(["k"]) == [2]


@pytest.mark.parametrize("words", [["--widht", "3"], ["--batch_size", "eight"], ["--batch", "3"]])
def test_what_a_script_does_not_take_ends_it_with_one_line_that_lists_what_it_takes(monkeypatch, words):
    monkeypatch.setattr(sys, "argv", ["net.py", *words])
    with pytest.raises(SystemExit) as end:
        parse(["batch_size", "height"])
    assert "\n" not in end.value.code
    assert end.value.code.startswith("net.py: ") and end.value.code.endswith("it takes --batch_size, --height")


def test_a_name_that_is_no_standard_parameter_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'batch_size'"):
        parse(["batch_sise"])


@pytest.mark.process
def test_a_script_written_for_mlagility_runs_unmodified_and_the_standin_is_not_importable_elsewhere(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(MLAGILITY)
    found = discover(script, ["--batch_size", "7"])
    assert (found.ended, [m.inputs for m in found.models]) == ("", ["input: float32[7×3]"])
    done = subprocess.run([sys.executable, "-c", "import mlagility"], cwd=ROOT, capture_output=True, text=True)
    assert "No module named 'mlagility'" in done.stderr
