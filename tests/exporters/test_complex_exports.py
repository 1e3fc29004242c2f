"""Models of complex numbers through torch's exporters: by pairs of real numbers, or refused in a line that says why."""

import pytest
import torch
from exporting import Bundle
from torch import nn

from benchlib import accuracy
from benchlib.exporters._torch_onnx import NoComplexNumbers
from benchlib.models import LoadedModel
from benchlib.record import scrap
from benchlib.worker.building import _given_as_pairs

pytestmark = pytest.mark.slow


class Parts(nn.Module):
    """Complex in, real out."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 4)

    def forward(self, z):
        return self.fc(torch.view_as_real(z).flatten(1))


class Spectrum(nn.Module):
    """Real in, complex out."""

    def forward(self, x):
        return torch.fft.rfft(x)


class Product(nn.Module):
    """Complex in and out."""

    def forward(self, z, x):
        return z * z, x + 1


class Unknown(nn.Module):
    """Takes a root of complex numbers, of which there is no form in ONNX."""

    def forward(self, z):
        return torch.sqrt(z).abs()


Z = torch.randn(4, 8, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
X = torch.randn(4, 16, generator=torch.Generator().manual_seed(1))
MODELS = {
    "parts": (Parts, {"z": Z}, ["z"]),
    "spectrum": (Spectrum, {"x": X}, ["output"]),
    "product": (Product, {"z": Z, "x": X}, ["z", "output_0"]),
}


def bundle(name, folder):
    make, inputs, pairs = MODELS[name]
    return Bundle(LoadedModel(inputs=inputs, module=make().eval()), folder), pairs


@pytest.mark.parametrize("name", MODELS)
def test_complex_numbers_go_through_a_graph_as_pairs(name, tmp_path):
    made, pairs = bundle(name, tmp_path)
    facts = made.export("onnx_dynamo")
    found = {str(n): array for n, array in enumerate(made.run("onnx_dynamo", facts["file"]))}
    right = {str(n): array for n, array in enumerate(made.expected)}
    assert accuracy.compare({0: accuracy.as_complex_of(right, found)}, {0: right}, "float32").equal
    assert _given_as_pairs(facts["file"], made.model.inputs, made.model.call()) == pairs


@pytest.mark.parametrize(
    "module, exporter, words",
    [(Unknown, "script", "knows no complex numbers .input z"), (Parts, "script", "knows no complex numbers .input z"),
     (Unknown, "onnx_dynamo", "no ONNX function for aten.sqrt of complex numbers")],
)  # fmt: skip
def test_an_exporter_that_cannot_says_so_in_a_line(module, exporter, words, tmp_path):
    made = Bundle(LoadedModel(inputs={"z": Z}, module=module().eval()), tmp_path)
    with pytest.raises(NoComplexNumbers, match=words) as error:
        made.export(exporter)
    assert "\n" not in str(error.value)


SCRIPT = """
import torch

class Net(torch.nn.Module):
    def forward(self, z):
        return z * z

Net()(torch.randn(4, 8, dtype=torch.complex64, generator=torch.Generator().manual_seed(0)))
"""


@pytest.mark.process
def test_a_trial_feeds_compares_and_times_them(command, tmp_path):
    (tmp_path / "net.py").write_text(SCRIPT)
    command("run", "net.py", "--level", "smoke", "--exporter", "onnx_dynamo")
    (record,) = scrap.read_all(tmp_path / "outputs/run/trials")[0].values()
    assert record.status == "ok" and record.metrics["time_latency"] > 0
    assert record.metrics["complex_as_pairs"].split("|")[0] == "z"
    assert record.metrics["discrepancies_abs"] < 1e-5
