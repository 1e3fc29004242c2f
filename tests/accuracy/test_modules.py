"""Real modules that compute something else than their judge, through the sessions that a trial opens."""

import copy

import numpy as np
import pytest
import torch

from benchlib import tensors
from benchlib.accuracy import compare
from benchlib.models import _saved
from benchlib.registries import runtimes
from benchlib.runtimes import OpenRequest

EXACT = runtimes.get("torch").exact


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm = torch.nn.Linear(16, 32), torch.nn.BatchNorm1d(32)
        self.drop, self.last = torch.nn.Dropout(0.1), torch.nn.Linear(32, 8)

    def forward(self, x):
        return {"logits": self.last(self.drop(torch.relu(self.norm(self.first(x)))))}


class Complex(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.phase = torch.nn.Parameter(torch.randn(8, dtype=torch.complex64))

    def forward(self, x):
        return torch.fft.fft(x) * self.phase + torch.zeros(8)


@pytest.fixture
def trained():
    torch.manual_seed(0)
    net = Net().train()
    for _ in range(20):
        net(torch.randn(64, 16) * 2 + 1)  # the statistics that batch norm keeps
    return net.eval().requires_grad_(False)


@pytest.fixture
def outputs(tmp_path):
    """(module, input, dtype, options of the runtime) -> its outputs through a session."""

    def run(module, x, dtype=torch.float32, options=None):
        module = copy.deepcopy(module).to(dtype) if dtype != torch.float32 else module
        _saved.save(module, tmp_path / "model.pt")
        request = OpenRequest(str(tmp_path / "model.pt"), "eager", positional=("x",), options=options or {})
        deterministic, default = torch.are_deterministic_algorithms_enabled(), torch.get_default_dtype()
        try:
            session = runtimes.get("torch").open(request)
            inputs = {"x": tensors.to_numpy(x.to(dtype))}
            flat, _ = tensors.flatten(session.bind(inputs, inputs)())
        finally:
            torch.set_default_dtype(default)
            torch.use_deterministic_algorithms(deterministic)
        return {name: tensors.to_numpy(leaf) for name, leaf in flat.items()}

    return run


X = torch.randn(64, 16, generator=torch.Generator().manual_seed(1))


def test_the_judge_computes_in_float64_with_the_same_weights(trained, outputs):
    exact, eager = outputs(trained, X, options=EXACT), outputs(trained, X)
    assert exact["logits"].dtype == np.float64 and eager["logits"].dtype == np.float32
    right = copy.deepcopy(trained).double()(X.double())["logits"].numpy()
    assert np.abs(exact["logits"] - right).max() < 1e-13
    assert 0 < np.abs(exact["logits"] - eager["logits"]).max() < 1e-5


def test_complex_weights_and_what_forward_makes_are_widened_too(outputs):
    module, x = Complex().requires_grad_(False), torch.randn(2, 8)
    (found,) = outputs(module, x, options=EXACT).values()
    assert found.dtype == np.complex128
    right = np.fft.fft(x.double().numpy()) * module.phase.to(torch.complex128).numpy()
    assert np.abs(found - right).max() < 1e-13


@pytest.mark.parametrize("part", ["drop", "norm"])
def test_a_part_left_in_training_mode_is_caught(trained, outputs, part):
    exact, eager = outputs(trained, X, options=EXACT), outputs(trained, X)
    assert compare({0: eager}, {0: eager}, "float32", exact={0: exact}).equal
    getattr(trained, part).train()
    check = compare({0: outputs(trained, X)}, {0: eager}, "float32", exact={0: exact})
    assert not check.equal
    assert check.metrics["rmse_ratio"] > 100


def test_a_model_of_float16_under_the_label_float32_is_caught(trained, outputs):
    exact, eager, half = outputs(trained, X, options=EXACT), outputs(trained, X), outputs(trained, X, torch.float16)
    assert "dtype float16 instead of float32" in compare({0: half}, {0: eager}, "float32", exact={0: exact}).problem
    cast = {name: array.astype(np.float32) for name, array in half.items()}
    assert not compare({0: cast}, {0: eager}, "float32", exact={0: exact}).equal


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_judged_by_float64_of_its_own_weights(trained, outputs, dtype):
    half = copy.deepcopy(trained).to(dtype)
    x = X.to(dtype)
    exact, eager = outputs(half, x, dtype, EXACT), outputs(half, x, dtype)
    name = str(dtype).removeprefix("torch.")
    check = compare({0: eager}, {0: eager}, name, exact={0: exact})
    assert check.equal
    assert 1e-5 < check.metrics["rmse_eager"] < 0.05
    other = half.float()(x.float())["logits"].to(dtype)  # the same computed more exactly: no alarm
    assert compare({0: {"logits": tensors.to_numpy(other)}}, {0: eager}, name, exact={0: exact}).equal
