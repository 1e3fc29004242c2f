"""The graph of a trace: what two of them are compared by, and which inputs its values come from."""

from pathlib import Path

import pytest
import torch
from torch import nn

from benchlib.exporters import ExportRequest, jit, script
from benchlib.exporters._trace_graph import first_difference, inputs_used, nodes_of
from benchlib.models import LoadedModel

X, T = torch.linspace(-0.5, 1.0, 8).reshape(2, 4), torch.tensor(3)


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def graph_of(function, *inputs):
    return torch.jit.trace(Function(function), inputs, check_trace=False, strict=False).inlined_graph


def put(x, mask, value):
    x = x.clone()
    x[:, mask] = value
    return x


def used(function, *inputs):
    return inputs_used(graph_of(function, *inputs), ["x", "t"])


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda x, t: x * 2, ["x"]),
        (lambda x, t: (x, t + 1), ["x", "t"]),
        (lambda x, t: x * t.shape.numel() + torch.zeros_like(t), ["x"]),
        (lambda x, t: torch.full_like(x, 2) * t, ["t"]),
        (lambda x, t: x[:, :t], ["x", "t"]),
        (lambda x, t: torch.zeros(x[x > 0].shape) + t, ["x", "t"]),  # how many there are is a matter of values
        (lambda x, t: torch.zeros(x[:, t > torch.arange(4)].shape[1]), ["t"]),
        (lambda x, t: torch.zeros(torch.where(t > torch.arange(4))[0].shape), ["t"]),
        (lambda x, t: torch.zeros(torch.where(t > x, x, 0.0).shape), []),
        (lambda x, t: torch.zeros(x.repeat_interleave(t, 0).shape), ["t"]),
        (lambda x, t: torch.zeros(x.repeat_interleave(2, 0).shape), []),
        (lambda x, t: torch.zeros(x[x > 0].view(1, -1).shape), ["x"]),
        (lambda x, t: torch.zeros(x[:, torch.arange(4) < t].view(2, 3).shape), []),
        (lambda x, t: torch.zeros(x.clone().masked_fill_(x > t, 0).shape), []),
        (lambda x, t: torch.zeros(put(x, torch.arange(4) < t, 3.0).shape), []),
        (lambda x, t: torch.arange(t), ["t"]),
        (lambda x, t: t * len(x.nonzero()), ["t"]),  # the number itself is a constant
        (lambda x, t: {"a": x * 2, "b": t + 1}, ["x", "t"]),
        (lambda x, t: torch.ones(3) * 2, []),
    ],
)
def test_the_inputs_that_outputs_are_computed_from(function, names):
    assert used(function, X, T) == names


def test_types_do_not_count_and_everything_else_does():
    def differ(one, other, a=X, b=X):
        return first_difference(nodes_of(graph_of(one, a)), nodes_of(graph_of(other, b)))

    assert differ(lambda x: (x > 0).nonzero(), lambda x: (x > 0).nonzero(), X, X - 0.7) is None
    assert differ(torch.relu, torch.sigmoid).kind == "aten::relu"
    assert differ(lambda x: x * 2.0, lambda x: x * 3.0).kind == "prim::Constant"
    assert differ(lambda x: x + torch.tensor([1.0, 2, 3, 4]), lambda x: x + torch.tensor([1.0, 2, 3, 5])) is not None
    assert differ(lambda x: (x + 1, x + 2)[0] * x, lambda x: (x + 1, x + 2)[0] * (x + 2)) is not None
    assert differ(lambda x: (x.exp(), x.sin()), lambda x: (x.sin(), x.exp())) is not None
    longer = differ(lambda x: x.exp(), lambda x: x.exp().sin())
    assert longer.kind in ("aten::sin", "return")


def test_what_takes_what_counts():
    def crossed(x):
        a, b = x.exp(), x.sin()
        return a - b

    def straight(x):
        a, b = x.exp(), x.sin()
        return b - a

    assert first_difference(nodes_of(graph_of(crossed, X)), nodes_of(graph_of(straight, X))).kind == "aten::sub"


def test_a_node_knows_the_lines_that_made_it():
    (exp,) = [node for node in nodes_of(graph_of(lambda x: x.exp(), X)) if node.kind == "aten::exp"]
    file, line = exp.frames[0]
    assert file == __file__
    assert "x.exp(), X)) if node.kind" in Path(file).read_text().splitlines()[line - 1]


@pytest.mark.parametrize("exporter", [jit, script])
def test_exports_say_which_inputs_they_use(exporter, tmp_path):
    class Lost(nn.Module):
        def forward(self, x, t, likeness):
            return x * float(t) + torch.zeros_like(likeness)

    inputs = {"x": X, "t": torch.tensor(3.0), "likeness": X.clone()}
    model = LoadedModel(inputs, Lost().eval(), positional=("x", "t", "likeness"))
    assert exporter.exporter.traces
    assert exporter.export(ExportRequest(model, tmp_path / "m"))["graph_inputs_used"] == "x"


def test_a_frozen_script_knows_its_inputs_too(tmp_path):
    model = LoadedModel({"x": X}, nn.Linear(4, 4).eval(), positional=("x",))
    facts = jit.export(ExportRequest(model, tmp_path / "m", {"freeze": True}))
    assert facts["graph_inputs_used"] == "x"
