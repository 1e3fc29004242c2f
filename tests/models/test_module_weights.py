"""How many parameters a module has, however it keeps them: packed, shared, made of others, or as constants."""

import io
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from benchlib.models import _facts

pytestmark = pytest.mark.filterwarnings("ignore")
NET = 32 * 64 + 64 + 64 * 8 + 8


def net():
    return nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 8)).eval()


def numbers(module):
    return sum(p.numel() for p in module.parameters())


def sized(module):
    facts = _facts.facts_of(module)
    return facts["params_size"], facts["weights_size"]


def dynamic(module, kind, dtype=torch.qint8):
    holder = nn.ModuleDict({"net": module}).eval()
    return torch.ao.quantization.quantize_dynamic(holder, {kind}, dtype=dtype)


def looked_up(kind, config):
    holder = nn.ModuleList([kind(10, 16)]).eval()
    return torch.ao.quantization.quantize_dynamic(holder, {kind: getattr(torch.ao.quantization, config)})


def static(*layers):
    steps = [torch.ao.quantization.QuantStub(), *layers, torch.ao.quantization.DeQuantStub()]
    model = nn.Sequential(*steps).eval()
    model.qconfig = torch.ao.quantization.get_default_qconfig(torch.backends.quantized.engine)
    torch.ao.quantization.prepare(model, inplace=True)
    model(torch.randn(2, 3, 8, 8))
    return torch.ao.quantization.convert(model)


def again(script):
    """A script as it comes back from a file."""
    written = io.BytesIO()
    torch.jit.save(script, written)
    return torch.jit.load(io.BytesIO(written.getvalue()))


QUANTISED = {
    "linear": (lambda: dynamic(net(), nn.Linear), net, 1),
    "linear in half precision": (lambda: dynamic(net(), nn.Linear, torch.float16), net, None),
    "no bias": (lambda: dynamic(nn.Linear(8, 4, bias=False), nn.Linear), lambda: nn.Linear(8, 4, bias=False), 1),
    "lstm": (
        lambda: dynamic(nn.LSTM(8, 16, 2, bidirectional=True), nn.LSTM),
        lambda: nn.LSTM(8, 16, 2, bidirectional=True),
        1,
    ),
    "gru": (lambda: dynamic(nn.GRU(8, 16), nn.GRU), lambda: nn.GRU(8, 16), 1),
    "cell": (lambda: dynamic(nn.LSTMCell(8, 16), nn.LSTMCell), lambda: nn.LSTMCell(8, 16), 1),
    "table": (
        lambda: looked_up(nn.EmbeddingBag, "float_qparams_weight_only_qconfig"), lambda: nn.EmbeddingBag(10, 16), 1
    ),
    "table of 4 bits": (
        lambda: looked_up(nn.EmbeddingBag, "float_qparams_weight_only_qconfig_4bit"),
        lambda: nn.EmbeddingBag(10, 16),
        0.5,
    ),
    "convolution": (lambda: static(nn.Conv2d(3, 8, 3)), lambda: nn.Conv2d(3, 8, 3), 1),
    "half of it": (
        lambda: nn.Sequential(dynamic(nn.Linear(8, 4), nn.Linear), nn.Linear(4, 2)),
        lambda: nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2)),
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", QUANTISED)
def test_a_quantised_module_has_as_many_as_what_it_was_made_of(name):
    quantise, made_of, size = QUANTISED[name]
    count, found = sized(quantise())
    assert count == numbers(made_of())
    if size:
        matrices = sum(p.numel() for p in made_of().parameters() if p.dim() > 1)
        assert found == matrices * size + 4 * (count - matrices), "biases stay in float32"


@pytest.mark.parametrize("how", [torch.jit.script, lambda m: torch.jit.trace(m, torch.randn(2, 32))])
@pytest.mark.parametrize("keep", [lambda s: s, again])
@pytest.mark.parametrize("quantised", [False, True])
def test_torchscript_has_as_many_as_the_module(how, keep, quantised):
    module = torch.ao.quantization.quantize_dynamic(net(), {nn.Linear}) if quantised else net()
    assert sized(keep(how(module))) == sized(module)
    assert sized(nn.Sequential(keep(how(module)))) == sized(module), "inside of a module, too"


def test_a_frozen_script_holds_them_as_constants():
    frozen = again(torch.jit.freeze(torch.jit.script(net())))
    facts = _facts.facts_of(frozen)
    assert (facts["params_size"], facts["params_in_constants"], facts["weights_size"]) == (NET, NET, 4 * NET)
    assert "params_in_constants" not in _facts.facts_of(net())


def test_an_exported_program_has_as_many_as_the_module(tmp_path):
    torch.export.save(torch.export.export(net(), (torch.randn(2, 32),)), tmp_path / "net.pt2")
    assert sized(torch.export.load(tmp_path / "net.pt2").module()) == (NET, 4 * NET)


def tied_by_memory():
    module = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 10, bias=False))
    module[1].weight = nn.Parameter(module[0].weight.data)
    return module


def tied_by_name():
    module = tied_by_memory()
    module[1].weight = module[0].weight
    return module


def with_bias_of(module):
    return torch.jit.trace(module, torch.zeros(1, dtype=torch.long))


ONCE = {
    "one parameter twice": (tied_by_name, 40),
    "one memory twice": (tied_by_memory, 40),
    "a traced one": (lambda: again(with_bias_of(tied_by_name())), 40),
    "weight_norm": (lambda: parametrizations.weight_norm(nn.Linear(4, 3)), 4 * 3 + 3 + 3),
    "the old weight_norm": (lambda: torch.nn.utils.weight_norm(nn.Linear(4, 3)), 4 * 3 + 3 + 3),
    "spectral_norm": (lambda: parametrizations.spectral_norm(nn.Linear(4, 3)), 4 * 3 + 3),
    "pruned": (lambda: _pruned(nn.Linear(4, 3)), 4 * 3 + 3),
    "buffers": (lambda: nn.BatchNorm2d(5), 10),
    "sparse": (lambda: _with(nn.Module(), torch.eye(6).to_sparse()), 6),
    "sparse by rows": (lambda: _with(nn.Module(), torch.eye(6).to_sparse_csr()), 6),
    "complex": (lambda: _with(nn.Module(), torch.ones(3, dtype=torch.complex64)), 3),
    "without memory": (lambda: nn.Linear(4, 3, device="meta"), 15),
    "nothing": (nn.ReLU, 0),
}


def _pruned(module):
    from torch.nn.utils import prune

    return prune.l1_unstructured(module, "weight", 0.5)


def _with(module, tensor):
    module.weight = nn.Parameter(tensor, requires_grad=False)
    return module


@pytest.mark.parametrize("name", ONCE)
def test_what_is_there_once_counts_once(name):
    make, wanted = ONCE[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert sized(make())[0] == wanted


class InFourBits(torch.Tensor):
    """A tensor that stands for numbers of 4 bits, as torchao's do: two in a byte, and a scale for each row."""

    @staticmethod
    def __new__(cls, packed, scale, shape):
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=torch.float32)

    def __init__(self, packed, scale, shape):
        self.packed, self.scale = packed, scale

    def __tensor_flatten__(self):
        return ["packed", "scale"], None

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.detach.default:
            return args[0]
        raise NotImplementedError(function)


def test_a_tensor_that_is_made_of_others_counts_as_what_it_stands_for():
    module = nn.Module()
    tensor = InFourBits(torch.zeros(8, 16, dtype=torch.uint8), torch.ones(8), (8, 32))
    module.weight = nn.Parameter(tensor, requires_grad=False)
    module.bias = nn.Parameter(torch.zeros(8))
    facts = _facts.facts_of(module)
    assert (facts["params_size"], facts["weights_size"]) == (8 * 32 + 8, 8 * 16 + 4 * 8)
    assert facts["params_dtype"] == "uint8|float32"


def test_two_numbers_of_a_packed_dtype_count_as_two():
    module = nn.Module()
    packed = torch.zeros(8, 16, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    module.weight = nn.Parameter(packed, requires_grad=False)
    assert sized(module) == (8 * 32, 8 * 16)


def test_a_parameter_that_is_read_through_parametrizations_is_not_counted_again():
    class Symmetric(nn.Module):
        def forward(self, weight):
            return weight.triu() + weight.triu(1).transpose(-1, -2)

    module = nn.Linear(3, 3)
    parametrize.register_parametrization(module, "weight", Symmetric())
    module(torch.ones(1, 3))
    assert sized(module)[0] == 9 + 3
