"""What one digest stands for, by pairs: what computes otherwise has another, and what does not has the same one."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch.nn.functional as F
from torch import nn

from benchlib.models._content import digest
from tests.models.content_pairs import ALIKE, DIFFERENT, written

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("pair", DIFFERENT)
def test_what_computes_otherwise_has_another_digest(pair):
    one, other = DIFFERENT[pair]
    assert digest(one()) == digest(one())
    assert digest(other()) == digest(other()) != digest(one())


@pytest.mark.parametrize("pair", ALIKE)
def test_what_computes_the_same_has_the_same_digest(pair):
    one, other = ALIKE[pair]
    assert digest(one()) == digest(other())


def test_what_the_user_puts_into_a_package_counts(monkeypatch):
    reads = written("f", "def f(x): return F.gelu(x)\n")
    before = digest(nn.GELU()), digest(reads), digest(nn.ReLU())
    monkeypatch.setattr(nn.GELU, "forward", written("forward", "def forward(self, x): return x\n"))
    monkeypatch.setattr(F, "gelu", written("gelu", "def gelu(x): return x\n"))
    after = digest(nn.GELU()), digest(reads), digest(nn.ReLU())
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True]


def test_a_module_that_is_imported_at_the_call_counts_before_and_after_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    reads = written("f", "def f(x):\n    from imported_late import needed\n    return x * needed.NUMBER\n")
    helper, needed = tmp_path / "imported_late.py", tmp_path / "needed_late.py"
    helper.write_text("import needed_late as needed\n")
    needed.write_text("NUMBER = 2\n")
    before = digest(reads)
    assert reads(3) == 6 and digest(reads) == before
    for file, text in ((helper, "import needed_late as needed\nneeded.NUMBER = 3\n"), (needed, "NUMBER = 5\n")):
        kept = file.read_text()
        file.write_text(text)
        assert digest(reads) != before
        file.write_text(f"# a remark\n{kept}")
        assert digest(reads) == before
    for name in ("imported_late", "needed_late"):
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.process
def test_the_digests_are_the_same_in_three_processes_whatever_their_hashes():
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(digests_with_seed, ("0", "1", "77")))
    assert said[0].keys() == {**DIFFERENT, **ALIKE}.keys()
    assert said[0] == said[1] == said[2]


def digests_with_seed(seed: str) -> dict[str, list[str]]:
    words = [sys.executable, "-W", "ignore", "-m", "tests.models.content_pairs"]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    run = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)
