"""Right implementations of one model pass in every slice: torch with and without mkldnn, with one and two threads,
onnxruntime with its optimisations off and all, half precision computed in itself and in float32.

These pairs fixed what is allowed (`benchlib/accuracy/tolerances.py`); the wrong ones are in `test_wrong.py`.
"""

import contextlib
import copy
import io

import numpy as np
import pytest
import torch
from torch import nn

from benchlib import tensors
from benchlib.accuracy import cannot_judge, compare, tolerance_for

SETS = 4  # of inputs


class Scaled(nn.Module):
    def __init__(self, factor, offset=0.0):
        super().__init__()
        self.factor, self.offset = factor, offset

    def forward(self, x):
        return x * self.factor + self.offset


class OneHot(nn.Module):
    def forward(self, x):
        return nn.functional.one_hot(x.argmax(-1), 10).to(x.dtype)


class PriceAndChance(nn.Module):
    """Few numbers of mixed units."""

    def forward(self, x):
        return torch.cat([290 + 30 * x[:, :1], torch.sigmoid(x[:, 1:])], 1)


class Units(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("units", 10.0 ** torch.linspace(-3, 3, 12))

    def forward(self, x):
        return x * self.units


class Masked(nn.Module):
    def __init__(self, added, value):
        super().__init__()
        self.added, self.value = added, value
        self.register_buffer("mask", torch.arange(40) % 3 == 0)

    def forward(self, x):
        if self.added:
            return x + self.mask.to(x.dtype) * self.value
        return x.masked_fill(self.mask, torch.finfo(x.dtype).min if self.value is None else self.value)


class Detector(nn.Module):
    """Boxes in pixels beside scores, in one tensor or two; units along the second axis of three."""

    def __init__(self, joined, classes=3):
        super().__init__()
        self.joined = joined
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU())
        self.box, self.cls = nn.Conv2d(32, 4, 1), nn.Conv2d(32, classes, 1)

    def forward(self, x):
        y = self.body(x)
        boxes, scores = 320 + 300 * torch.tanh(4 * self.box(y)), torch.sigmoid(8 * self.cls(y) - 1)
        return torch.cat([boxes, scores], 1).flatten(2) if self.joined else (boxes, scores)


def mlp(*ends, out=40, width=64):
    return nn.Sequential(
        nn.Linear(32, width), nn.GELU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, out), *ends
    )


def conv(*ends):
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 24, 3, 2, 1), nn.ReLU(), *ends
    )


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.project, self.norm, self.last = nn.Linear(32, 96), nn.LayerNorm(32), nn.Linear(32, 32)

    def forward(self, x):
        q, k, v = self.project(x).chunk(3, -1)
        x = x + torch.softmax(2 * q @ k.transpose(-1, -2), -1) @ v
        return self.norm(x + self.last(x))


ROWS, IMAGES, TOKENS = (4, 32), (2, 3, 24, 24), (2, 12, 32)
MODELS = {
    "ReLU": (lambda: mlp(nn.ReLU()), ROWS),
    "all zero behind a ReLU": (lambda: mlp(Scaled(1.0, -1e3), nn.ReLU()), ROWS),
    "softmax": (lambda: mlp(nn.Softmax(-1)), ROWS),
    "softmax of large logits": (lambda: mlp(Scaled(60.0), nn.Softmax(-1)), ROWS),
    "uniform softmax": (lambda: mlp(Scaled(0.0), nn.Softmax(-1)), ROWS),
    "sigmoid near saturation": (lambda: mlp(Scaled(80.0), nn.Sigmoid()), ROWS),
    "sigmoid, mostly near 0": (lambda: mlp(Scaled(40.0, -12.0), nn.Sigmoid()), ROWS),
    "LayerNorm": (lambda: mlp(nn.LayerNorm(40)), ROWS),
    "one number": (lambda: mlp(out=1), (1, 32)),
    "one number for each item": (lambda: mlp(Scaled(30.0, 290.0), out=1), ROWS),
    "a price and a chance": (lambda: mlp(PriceAndChance(), out=2), (1, 32)),
    "prices and chances": (lambda: mlp(PriceAndChance(), out=2), ROWS),
    "few of mixed units": (lambda: mlp(Units(), out=12), (1, 32)),
    "one-hot": (lambda: mlp(OneHot(), out=10), ROWS),
    "50,000 classes": (lambda: mlp(out=50_000, width=32), (1, 32)),
    "logits far from 0": (lambda: mlp(Scaled(9.0, -35.0)), TOKENS),
    "masked by adding -1e4": (lambda: mlp(Masked(True, -1e4)), TOKENS),
    "masked by -1e9": (lambda: mlp(Masked(False, -1e9)), TOKENS),
    "masked by the lowest": (lambda: mlp(Masked(False, None)), TOKENS),
    "masked by -inf": (lambda: mlp(Masked(False, -np.inf)), TOKENS),
    "boxes and scores": (lambda: Detector(False), IMAGES),
    "boxes beside scores": (lambda: Detector(True), IMAGES),
    "boxes beside one score": (lambda: Detector(True, 1), IMAGES),
    "outputs of 1e-9": (lambda: mlp(Scaled(1e-9)), ROWS),
    "feature map": (conv, IMAGES),
    "pooled": (lambda: conv(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10)), IMAGES),
    "attention": (Attention, TOKENS),
}
HALF_HAS_NOT = ("masked by -1e9", "outputs of 1e-9")  # numbers that float16 does not reach
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
CASES = [(n, d) for n in MODELS for d in DTYPES if (d, n in HALF_HAS_NOT) != ("float16", True)]


def flat(outputs):
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return {f"output_{i}": tensors.to_numpy(output) for i, output in enumerate(outputs)}


def run(module, inputs, threads=2, mkldnn=True):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.no_grad(), torch.backends.mkldnn.flags(enabled=mkldnn):
            return {n: flat(module(x)) for n, x in enumerate(inputs)}
    finally:
        torch.set_num_threads(before)


def by_onnxruntime(module, inputs, level):
    import onnxruntime

    file = io.BytesIO()
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(module, (inputs[0],), file, dynamo=False, input_names=["x"])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    return {n: flat(tuple(map(torch.from_numpy, session.run(None, {"x": x.numpy()})))) for n, x in enumerate(inputs)}


def pairs(name, dtype, seed):
    """The reference, what is right, and other right implementations by name."""
    build, shape = MODELS[name]
    torch.manual_seed(seed)
    module = build().eval().requires_grad_(False).to(DTYPES[dtype])
    inputs = [(torch.randn(shape) * (1 + n % 2)).to(DTYPES[dtype]) for n in range(SETS)]
    exact = run(copy.deepcopy(module).double(), [x.double() for x in inputs])
    single, widened = copy.deepcopy(module).float(), [x.float() for x in inputs]
    others = {"one thread": run(module, inputs, threads=1), "without mkldnn": run(module, inputs, mkldnn=False)}
    if dtype != "float32" and name != "masked by the lowest":  # of another dtype
        others["in float32"] = {
            n: {key: tensors.to_numpy(torch.from_numpy(a).to(DTYPES[dtype])) for key, a in out.items()}
            for n, out in run(single, widened).items()
        }
    return run(module, inputs), exact, others, (module, inputs)


def hold(name, dtype, seed, onnx):
    """Raises AssertionError where a right implementation does not pass; the share of its bound that each one uses."""
    reference, exact, others, (module, inputs) = pairs(name, dtype, seed)
    assert not cannot_judge(reference, exact, dtype), cannot_judge(reference, exact, dtype)
    if onnx and dtype != "bfloat16":  # onnxruntime has no bfloat16 on the CPU
        levels = ("ORT_DISABLE_ALL", "ORT_ENABLE_ALL")
        others |= {level: by_onnxruntime(module, inputs, level) for level in levels}
    used = {}
    for other, outputs in others.items():
        check = compare(outputs, reference, dtype, exact=exact)
        assert check.equal, f"{name}, {dtype}, seed {seed}, {other}: {check.problem}"
        assert not check.unverified, f"{name}, {dtype}, seed {seed}, {other}: {check.unverified}"
        used[other] = check.metrics["slice_share"]
        if dtype == "float32":  # without float64 as well
            check = compare(outputs, reference, dtype)
            assert check.equal, f"{name}, seed {seed}, {other}, without float64: {check.problem}"
    return used


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_right_implementations_pass(name, dtype):
    hold(name, dtype, 0, onnx=dtype == "float32")


def half_of_a_float32_trial(name, dtype, seed):
    """The check of a way that computes a float32 model in half precision, as a pass makes it, and casts its outputs."""
    reference, exact, _, (module, inputs) = pairs(name, "float32", seed)
    half = run(copy.deepcopy(module).to(DTYPES[dtype]), [x.to(DTYPES[dtype]) for x in inputs])
    cast = {n: {key: tensors.values(a).astype(np.float32) for key, a in out.items()} for n, out in half.items()}
    return compare(cast, reference, "float32", exact=exact, tolerance=tolerance_for(dtype))


OF_ANOTHER_DTYPE = "masked by the lowest"  # which is another number in each


@pytest.mark.parametrize(
    ("name", "dtype"), [(n, d) for n, d in CASES if d in ("float16", "bfloat16") and n != OF_ANOTHER_DTYPE]
)
def test_passes_to_half_precision_are_right(name, dtype):
    for seed in range(3):
        check = half_of_a_float32_trial(name, dtype, seed)
        assert check.equal, f"{name}, {dtype}, seed {seed}: {check.problem}"


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_right_implementations_pass_over_200_seeds(name, dtype):
    for seed in range(200):
        hold(name, dtype, seed, onnx=seed % (10 if dtype == "float32" else 20) == 0)


def test_a_number_that_is_the_same_for_all_items_is_held_to_no_luck():
    """A text of one token, as other shapes of a tagger have it: all items are one computation."""
    single = [{0: {"y": (np.full((7, 1), 0.8765) + off).astype(np.float32)}} for off in (0.0, 3.3e-7, 2e-5)]
    exact = {0: {"y": np.full((7, 1), 0.8765)}}
    assert compare(single[1], single[0], "float32", exact=exact).equal
    assert not compare(single[2], single[0], "float32", exact=exact).equal
