"""The work of one call, against counts by hand."""

import pytest
import torch
from torch import nn

from benchlib.models import LoadedModel
from benchlib.models._work import work_of


def work(module, *inputs):
    names = tuple("abc"[: len(inputs)])
    return work_of(LoadedModel(inputs=dict(zip(names, inputs, strict=True)), module=module.eval(), positional=names))


def test_a_linear_layer_by_hand():
    assert work(nn.Linear(10, 20), torch.zeros(3, 10)) == {"flops": 2 * 3 * 10 * 20, "weights_read_size": 4 * 220}


def test_a_convolution_by_hand():
    found = work(nn.Conv2d(3, 8, 3, bias=False), torch.zeros(2, 3, 10, 10))
    assert found == {"flops": 2 * 2 * 8 * 8 * 8 * 3 * 9, "weights_read_size": 4 * 8 * 27}


def test_a_table_is_not_read_whole_and_an_unused_layer_not_at_all():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.used, self.unused = nn.Embedding(1000, 4), nn.Linear(4, 4), nn.Linear(4, 4)
            self.experts = nn.Parameter(torch.zeros(8, 4, 4))

        def forward(self, tokens):
            return self.used(self.table(tokens)) @ self.experts[2]

    found = work(Model(), torch.zeros(1, 5, dtype=torch.long))
    assert found["weights_read_size"] == 4 * (16 + 4)
    assert found["flops"] == 2 * (2 * 5 * 4 * 4)


def test_tied_weights_are_read_once():
    module = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    module[1].weight = module[0].weight
    assert work(module, torch.zeros(1, 4)) == {"flops": 2 * 2 * 16, "weights_read_size": 64}


def test_attention_is_counted_although_torch_has_one_operator_for_the_whole_layer():
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    flops = work(layer, torch.zeros(1, 10, 16))["flops"]
    linear = 2 * 10 * (16 * 48 + 16 * 16 + 2 * 16 * 32)
    attention = 2 * (2 * 4 * 10 * 10 * 4)
    assert flops == linear + attention
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize(
    ("module", "inputs", "reason"),
    [
        (nn.ReLU(), (torch.zeros(3),), "no matrix product"),
        (nn.Linear(3, 3), (torch.zeros(4),), "RuntimeError"),
        (nn.Sequential(nn.LSTM(8, 8)), (torch.zeros(3, 2, 8),), "does not know mkldnn_rnn_layer"),
    ],
)
def test_no_figure_without_a_reason(module, inputs, reason):
    found = work(module, *inputs)
    assert "flops" not in found
    assert reason in found["flops_reason"]
    assert "\n" not in found["flops_reason"]


def test_a_ready_file_has_no_module_to_count():
    assert "no torch module" in work_of(LoadedModel(inputs={}))["flops_reason"]


def test_random_numbers_drawn_by_the_forward_change_nothing():
    class Noisy(nn.Module):
        def forward(self, x):
            return x @ torch.rand(3, 3)

    torch.manual_seed(0)
    wanted = torch.rand(1)
    torch.manual_seed(0)
    work(Noisy(), torch.zeros(3, 3))
    assert torch.equal(torch.rand(1), wanted)
