"""Models that are no functions, and one that only writes into its inputs, the whole way from their scripts."""

import os
import subprocess
import sys

import pytest

from benchlib.record import scrap

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(900)]

HEAD = """
import random
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(4, 16)
"""
MODELS = {
    "drops": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 8)
    def forward(self, x):
        return F.dropout(self.a(x), 0.3)
""",
    "throws_dice": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 8)
    def forward(self, x):
        return self.a(x) + float(np.random.rand())
""",
    "keeps_samples": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 8)
        self.register_buffer("last", torch.zeros(4, 16))
    def forward(self, x):
        self.last = 0.5 * self.last + x
        return self.a(self.last)
""",
    "counts": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.seen = nn.Linear(16, 8), [0]
    def forward(self, x):
        self.seen[0] += 1
        return self.a(x) / self.seen[0]
""",
    "shrinks_its_input": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 8)
    def forward(self, x):
        return self.a(x.mul_(0.9))
""",
    "healthy": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.drop = nn.Linear(16, 48), nn.LayerNorm(16), nn.Dropout(0.1)
    def forward(self, x):
        q, k, v = self.a(self.norm(x)).chunk(3, -1)
        return self.drop(F.scaled_dot_product_attention(q[None], k[None], v[None]))
""",
    "normalises": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(16))
        self.register_buffer("var", torch.ones(16))
    def forward(self, x):
        return F.batch_norm(x, self.mean, self.var, training=True)
""",
}
WAYS = ("eager", "script")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """By the model and the exporter."""
    folder = tmp_path_factory.mktemp("natures")
    for name, text in MODELS.items():
        (folder / f"{name}.py").write_text(f"{HEAD}{text}\nnet = Net().eval()\nnet(x.clone())\n")
    models = [f"{name}.py" for name in MODELS]
    words = ["run", *models, "--exporter", ",".join(WAYS), "--until", "check", "--output", "out"]
    done = subprocess.run([sys.executable, "-m", "benchlib", *words], cwd=folder, capture_output=True, text=True,
                          env=os.environ)  # fmt: skip
    assert done.returncode == 0, done.stderr
    found, unreadable = scrap.read_all(folder / "out" / "trials")
    assert not unreadable
    return {(record.metrics["model_name"].partition("::")[0], record.trial["exporter"]): record
            for record in found.values()}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_draws_is_unverified_and_what_draws_is_named(records, way):
    for name, words in (("drops", "dropout"), ("throws_dice", "numpy.random")):
        record = records[name, way]
        assert (record.status, record.stage) == ("unverified", "check"), record.reason
        assert record.reason == f"the model draws random numbers: {words}"
        assert record.metrics["ground_truth_is"] == f"random: {words}"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name, words", [("keeps_samples", "its buffer `last`"), ("counts", "its state")])
def test_a_model_that_remembers_is_never_ok_and_its_memory_is_named(records, name, words, way):
    record = records[name, way]
    assert record.status == "unverified" if way == "eager" else record.status in ("unverified", "inaccurate")
    assert f"the model remembers its calls: each changes {words}" in record.reason
    assert record.metrics["ground_truth_is"] == f"stateful: {words}"


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_writes_into_its_inputs_is_ok(records, way):
    record = records["shrinks_its_input", way]
    assert record.status == "ok", record.reason
    assert record.metrics["ground_truth_is"] == "changes its inputs: `x`"
    assert record.metrics["judged_by"] == "eager, float64"


@pytest.mark.parametrize("name, way", [("healthy", "eager"), ("healthy", "script"), ("normalises", "eager")])
def test_a_healthy_model_is_a_function_whatever_its_buffers_count(records, name, way):
    record = records[name, way]
    assert record.status == "ok", record.reason
    assert record.metrics["ground_truth_is"] == "a function"
