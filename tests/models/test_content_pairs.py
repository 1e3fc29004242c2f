"""What one digest stands for, by pairs: what computes otherwise has another, and what does not has the same one."""

import ctypes
import dataclasses
import enum
import functools
import importlib
import inspect
import io
import json
import os
import subprocess
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import NamedTuple

import pytest
import torch.nn.functional as F
from torch import nn

from benchlib.models._content import content_of, digest
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


def imported(name, monkeypatch):
    """A module of the user's, read from its file."""
    monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.invalidate_caches()
    return importlib.import_module(name)


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return getattr(own_ops, 'a' + 'ct')(x)",
        "def f(x, apply=lambda m, x: m.act(x)): return apply(own_ops, x)",
        "def f(x): return own_ops.__dict__[kind](x)",
        "import sys\ndef f(x): return getattr(sys.modules['own_ops'], kind)(x)",
        "import importlib\ndef f(x): return vars(importlib.import_module('own_ops'))[kind](x)",
    ],
)
def test_what_code_takes_of_a_module_by_a_name_that_it_computes_counts(source, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file, digests = tmp_path / "own_ops.py", []
    for body in ("x + 1", "x + 1  # a remark", "x + 20000"):
        file.write_text(f"def act(x): return {body}\n")
        ops = imported("own_ops", monkeypatch)
        digests.append(digest(written("f", source, own_ops=ops, kind="act")))
    assert digests[0] == digests[1] != digests[2]


def test_a_module_of_a_package_without_an_init_counts_when_it_is_imported_at_the_call(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_package").mkdir()
    file = tmp_path / "own_package" / "helpers.py"
    reads = written("f", "def f(x):\n    from own_package.helpers import act\n    return act(x)\n")
    file.write_text("def act(x): return x\n")
    before = digest(reads)
    file.write_text("def act(x): return x + 1\n")
    assert digest(reads) != before


def test_a_compiled_extension_of_the_users_counts_by_its_file(tmp_path):
    file = tmp_path / f"kernel{EXTENSION_SUFFIXES[0]}"
    kernel = types.ModuleType("kernel")
    kernel.__file__, kernel.fused = str(file), len
    reads, digests = written("f", "def f(x): return kernel.fused(x)\n", kernel=kernel), []
    for content in (b"one", b"another", b"one"):
        file.write_bytes(content)
        digests.append(digest(reads))
    assert digests[0] == digests[2] != digests[1]


def test_the_first_text_of_a_function_is_its_docstring_only_where_it_is_one(monkeypatch):
    """As Python 3.14 lays functions out: a text that is no docstring may stand first among the constants."""
    monkeypatch.setattr(inspect, "CO_HAS_DOCSTRING", 0x4000000, raising=False)
    code = written("f", "def f(x): return F.pad(x, (1, 1), 'reflect')\n").__code__
    pads = [code.replace(co_consts=(mode, *code.co_consts[1:])) for mode in ("reflect", "constant")]
    assert digest(pads[0]) != digest(pads[1])
    told = [c.replace(co_flags=c.co_flags | 0x4000000) for c in pads]
    assert digest(told[0]) == digest(told[1])


class Remembers:
    """A class that says itself what of it is pickled."""

    def __init__(self, path):
        self.path, self.content = path, "read"

    def __getstate__(self):
        return {"path": self.path}


class Pair(NamedTuple):
    left: int
    right: int


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    held: int


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize("hides", [True, False])
def test_what_no_walk_sees_is_said(hides):
    @functools.lru_cache
    def table():
        return [1, 2]

    if hides:
        table()
    assert content_of(written("f", "def f(x): return table()[0]\n", table=table)).hides is hides
    assert content_of({Remembers("t.json")} if hides else {"t.json"}).hides is hides
    assert not content_of(Pair(1, 2), Frozen(1), Colour.RED).hides
    assert not content_of(nn.Linear(2, 2), threading.Lock(), io.StringIO()).hides


@pytest.mark.parametrize(
    ("source", "asks"),
    [
        ("def f(x): return x * float(open('b.txt').read())", True),
        ("import os\ndef f(x): return x * float(os.environ['SCALE'])", True),
        ("import pandas as pd\ndef f(x): return x * pd.read_csv('b.csv').iloc[0, 0]", True),
        ("def f(x): return F.gelu(x).threads.spread()", False),
    ],
)
def test_code_that_may_read_files_or_the_environment_is_told_apart(source, asks):
    assert content_of(written("f", source)).asks is asks


def test_what_differs_in_each_process_and_computes_nothing_does_not_count():
    class Holds:
        def __init__(self, **held):
            self.__dict__.update(held)

    times = [time.perf_counter() for _ in range(2)]
    assert digest(Holds(t=times[0])) == digest(Holds(t=times[1])) != digest(Holds(t=0.25))
    assert digest(threading.Thread()) == digest(threading.Thread())
    assert digest(ctypes.CDLL(None)) == digest(ctypes.CDLL(None))
    made = [written("f", f"def f(x): return __beartype_object_{n}(x)\n") for n in (140012345678, 139912345678)]
    assert digest(made[0]) == digest(made[1])
    reads = written("f", "from os import environ\ndef f(x): return environ.get('SCALE', x)\n")
    before = digest(reads)
    os.environ["BENCHLIB_TEST_ANY"] = "1"
    try:
        assert digest(reads) == before, "variables count where they are read"
    finally:
        del os.environ["BENCHLIB_TEST_ANY"]


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
