"""What counts as a parameter of an ONNX graph: by what reads it, however it is stored."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from benchlib.models import _facts, _onnx_weights

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
ONNXRUNTIME = "com.microsoft"


def held(name, dims, kind=FLOAT):
    """An initializer of zeros."""
    size = -(-int(np.prod(dims)) * _onnx_weights.bits_of(kind) // 8)
    return TensorProto(name=name, dims=dims, data_type=kind, raw_data=bytes(size))


def constant(name, dims, kind=FLOAT):
    return node("Constant", [], [name], value=held("", dims, kind))


def node(operator, inputs, outputs=("y",), domain="", **attributes):
    return helper.make_node(operator, inputs, outputs, domain=domain, **attributes)


def model(nodes, weights=(), sparse=(), functions=(), opset=21):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [value("x", FLOAT, None)], [value("y", FLOAT, None)], list(weights), sparse_initializer=list(sparse)
    )
    domains = {"": opset, ONNXRUNTIME: 1, "ai.onnx.ml": 5, "own": 1}
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid(*each) for each in domains.items()], functions=list(functions)
    )


def counted(*arguments, **named):
    facts = _onnx_weights.weights_of(model(*arguments, **named)).facts()
    return facts["params_size"], facts["weights_size"]


def test_a_matrix_and_its_bias_count_wherever_they_stand():
    nodes = [node("MatMul", ["x", "w"], ["h"]), constant("b", [4]), node("Add", ["h", "b"])]
    assert counted(nodes, [held("w", [3, 4])]) == (16, 64)
    assert _onnx_weights.weights_of(model(nodes, [held("w", [3, 4])])).facts()["params_in_constants"] == 4


SETTINGS = {
    "a shape": ([node("Reshape", ["x", "c"])], [2], INT64),
    "a shape to expand to": ([node("Expand", ["x", "c"])], [4], INT64),
    "repetitions": ([node("Tile", ["x", "c"])], [2], INT64),
    "axes": ([node("Unsqueeze", ["x", "c"])], [2], INT64),
    "axes of a sum": ([node("ReduceSum", ["x", "c"])], [2], INT64),
    "indices": ([node("Gather", ["x", "c"])], [7], INT64),
    "indices of elements": ([node("GatherElements", ["x", "c"])], [7, 2], INT64),
    "where a slice begins": ([node("Slice", ["x", "c", "c"])], [2], INT64),
    "pads": ([node("Pad", ["x", "c"])], [8], INT64),
    "sizes to split in": ([node("Split", ["x", "c"])], [2], INT64),
    "scales of an image": ([node("Resize", ["x", "", "c"])], [4], FLOAT),
    "bounds": ([node("Clip", ["x", "c", "c"])], [1], FLOAT),
    "a mask": ([node("Where", ["c", "x", "x"])], [3, 3], TensorProto.BOOL),
    "a mask in bytes": (
        [node("Cast", ["c"], ["m"], to=TensorProto.BOOL), node("Where", ["m", "x", "x"])], [3, 3], TensorProto.UINT8
    ),
    "positions": ([node("Add", ["x", "c"])], [5], INT64),
    "a shape that is put together": (
        [node("Shape", ["x"], ["s"]), node("Concat", ["s", "c"], ["t"], axis=0), node("Reshape", ["x", "t"])],
        [2],
        INT64,
    ),
    "a shape that is computed in floating point": (
        [
            node("Shape", ["x"], ["s"]), node("Cast", ["s"], ["f"], to=FLOAT), node("Mul", ["f", "c"], ["g"]),
            node("Floor", ["g"], ["h"]), node("Cast", ["h"], ["i"], to=INT64), node("Reshape", ["x", "i"]),
        ],
        [2],
        FLOAT,
    ),
    "running statistics": ([node("BatchNormalization", ["x", "x", "x", "c", "c"])], [8], FLOAT),
    "what is asked for its shape alone": ([node("Shape", ["c"], ["s"]), node("Reshape", ["x", "s"])], [3, 3], FLOAT),
    "a factor of the code": ([node("Mul", ["x", "c"])], [], FLOAT),
    "texts": ([node("Equal", ["x", "c"])], [3], TensorProto.STRING),
    "how often a loop runs": (
        [node("Loop", ["c", ""], ["y"], body=helper.make_graph(
            [node("Identity", ["more"], ["again"])], "b",
            [helper.make_tensor_value_info("i", INT64, []),
             helper.make_tensor_value_info("more", TensorProto.BOOL, [])],
            [helper.make_tensor_value_info("again", TensorProto.BOOL, [])],
        ))],
        [1],
        INT64,
    ),
}  # fmt: skip


@pytest.mark.parametrize("stored", [held, constant])
@pytest.mark.parametrize("name", SETTINGS)
def test_what_only_sets_something_is_no_parameter(name, stored):
    nodes, dims, kind = SETTINGS[name]
    tensor = stored("c", dims, kind)
    assert counted([tensor, *nodes] if stored is constant else nodes, [] if stored is constant else [tensor]) == (0, 0)


def quantised(data, kind, scales=1, **attributes):
    """A matrix that is dequantised before it is multiplied by."""
    nodes = [node("DequantizeLinear", ["w", "s", "z"], ["v"], **attributes), node("MatMul", ["x", "v"])]
    return nodes, [held("w", data, kind), held("s", [scales]), held("z", [scales], kind)]


INT8, UINT8, INT4 = TensorProto.INT8, TensorProto.UINT8, TensorProto.INT4
STORED = {
    "8 bits": (quantised([5, 3], INT8, 3, axis=1), 15, 15),
    "4 bits, an odd number": (quantised([5, 3], INT4), 15, 8),
    "4 bits without a sign": (quantised([4, 4], TensorProto.UINT4), 16, 8),
    "2 bits": (quantised([5, 3], TensorProto.INT2), 15, 4),
    "floating point of 4 bits": (quantised([4, 4], TensorProto.FLOAT4E2M1), 16, 8),
    "floating point of 8 bits": (quantised([4, 4], TensorProto.FLOAT8E4M3FN), 16, 16),
    "half precision": (([node("MatMul", ["x", "w"])], [held("w", [4, 4], TensorProto.BFLOAT16)]), 16, 32),
    "a bias of 32 bits": (
        ([node("DequantizeLinear", ["b", "s"], ["v"]), node("Add", ["x", "v"])],
         [held("b", [6], TensorProto.INT32), held("s", [1])]), 6, 24,
    ),
    "a quantised convolution": (
        ([node("QLinearConv", ["x", "s", "z", "w", "s", "z", "s", "z", "b"])],
         [held("s", []), held("z", [], UINT8), held("w", [8, 3, 3, 3], INT8), held("b", [8], TensorProto.INT32)]),
        216 + 8, 216 + 32,
    ),
    "a product of whole numbers": (
        ([node("MatMulInteger", ["x", "w", "z", "z"])], [held("w", [4, 4], INT8), held("z", [], INT8)]), 16, 16,
    ),
    "quantised while it runs": (
        ([node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), node("MatMulInteger", ["q", "w", "z", "u"], ["i"]),
          node("Cast", ["i"], ["f"], to=FLOAT), node("Mul", ["s", "t"], ["st"]), node("Mul", ["f", "st"])],
         [held("w", [4, 6], INT8), held("t", [6]), held("u", [6], INT8)]), 24, 24,
    ),
    "dequantised by hand": (
        ([node("Cast", ["w"], ["f"], to=FLOAT), node("MatMul", ["x", "f"])], [held("w", [4, 6], UINT8)]), 24, 24,
    ),
    "looked up and dequantised": (
        ([node("Gather", ["w", "i"], ["r"]), node("DequantizeLinear", ["r", "s"])],
         [held("w", [100, 4], INT8), held("i", [3], INT64), held("s", [1])]), 400, 400,
    ),
    "4 bits in bytes, the last block not full": (
        ([node("MatMulNBits", ["x", "w", "s", "z"], domain=ONNXRUNTIME, K=40, N=8, bits=4, block_size=32)],
         [held("w", [8, 2, 16], UINT8), held("s", [16]), held("z", [8], UINT8)]), 320, 256,
    ),
    "8 bits in blocks": (
        ([node("MatMulNBits", ["x", "w", "s"], domain=ONNXRUNTIME, K=32, N=8, bits=8, block_size=32)],
         [held("w", [8, 1, 32], UINT8), held("s", [8])]), 256, 256,
    ),
    "a table of 4 bits in bytes": (
        ([node("GatherBlockQuantized", ["w", "i", "s"], domain=ONNXRUNTIME, bits=4)],
         [held("w", [10, 8], UINT8), held("i", [3], INT64), held("s", [10, 1])]), 160, 80,
    ),
    "a gain that is called as a parameter": (([node("Mul", ["x", "a.gain"])], [held("a.gain", [])]), 1, 4),
    "a bias of one": (([node("Add", ["x", "b"])], [held("b", [1])]), 1, 4),
    "read twice": (([node("Mul", ["x", "b"], ["h"]), node("Add", ["h", "b"])], [held("b", [4])]), 4, 16),
    "a parameter and a setting": (
        ([node("Shape", ["b"], ["s"]), node("Expand", ["x", "s"], ["h"]), node("Add", ["h", "b"])], [held("b", [4])]),
        4, 16,
    ),
    "floating point that is quantised in the graph": (
        ([node("QuantizeLinear", ["w", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["v"]),
          node("MatMul", ["x", "v"])], [held("w", [4, 4]), held("s", [1]), held("z", [1], INT8)]), 16, 64,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STORED)
def test_weights_count_as_the_numbers_that_they_are_in_the_bytes_that_they_take(name):
    (nodes, weights), count, size = STORED[name]
    assert counted(nodes, weights) == (count, size)


def test_of_a_sparse_initializer_the_stored_values_count():
    sparse = helper.make_sparse_tensor(held("w", [5]), held("at", [5], INT64), [10, 10])
    assert counted([node("MatMul", ["x", "w"])], sparse=[sparse]) == (5, 20)


def test_control_flow_and_functions_are_looked_through():
    value = helper.make_tensor_value_info
    branch = {
        f"{name}_branch": helper.make_graph(
            [node("MatMul", ["x", "own"], ["m"]), node("Reshape", ["m", "shape"], ["r"])], name, [],
            [value("r", FLOAT, None)], [held("own", [2, 2]), held("shape", [2], INT64)],
        )
        for name in ("then", "else")
    }  # fmt: skip
    nodes = [node("Cast", ["x"], ["c"], to=TensorProto.BOOL), node("If", ["c"], ["h"], **branch)]
    scaled = helper.make_function(
        "own", "Scaled", ["a", "f", "to"], ["b"],
        [constant("own", [3]), node("Mul", ["a", "f"], ["m"]), node("Add", ["m", "own"], ["n"]),
         node("Reshape", ["n", "to"], ["b"])], [helper.make_opsetid("", 21)],
    )  # fmt: skip
    nodes += [node("Scaled", ["h", "w", "t"], ["i"], domain="own"), node("Scaled", ["i", "w", "t"], domain="own")]
    weights = [held("w", [5]), held("t", [2], INT64)]
    assert counted(nodes, weights, functions=[scaled]) == (4 + 4 + 5 + 3, 4 * 16)


def test_a_loop_hands_weights_to_its_body():
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("MatMul", ["h", "m"], ["g"]), node("Identity", ["more"], ["again"]), node("Identity", ["m"], ["n"]),
         node("Identity", ["s"], ["t"])],
        "b",
        [value("i", INT64, []), value("more", TensorProto.BOOL, []), value("h", FLOAT, None), value("m", FLOAT, None),
         value("s", INT64, None)],
        [value("again", TensorProto.BOOL, []), value("g", FLOAT, None), value("n", FLOAT, None),
         value("t", INT64, None)],
    )  # fmt: skip
    loop = node("Loop", ["count", "", "x", "w", "to"], ["h", "last", "at"], body=body)
    nodes = [loop, node("Reshape", ["h", "at"])]
    weights = [held("count", [], INT64), held("w", [4, 4], INT8), held("to", [2], INT64)]
    assert counted(nodes, weights) == (16, 16)


def test_external_data_counts_without_being_there_and_one_place_in_it_once(tmp_path):
    weights = [held(name, [1000, 1000]) for name in ("w", "v")]
    for tensor, offset in zip(weights, ("0", "0"), strict=True):
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, text in {"location": "absent.bin", "offset": offset, "length": "4000000"}.items():
            tensor.external_data.add(key=key, value=text)
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("MatMul", ["h", "v"])]
    assert counted(nodes, weights) == (1_000_000, 4_000_000)
    weights[1].external_data[1].value = "4000000"
    assert counted(nodes, weights) == (2_000_000, 8_000_000)


CLASSIC = {
    "a forest": (
        node("TreeEnsembleRegressor", ["x"], domain="ai.onnx.ml", nodes_values=[0.5, 1.0, 2.0], nodes_nodeids=[0, 1, 2],
             nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], n_targets=1),
        9, 3 * 4 + 3 * 8 + len("BRANCH_LEQ") + 2 * len("LEAF"),
    ),
    "a forest of tensors": (
        node("TreeEnsemble", ["x"], domain="ai.onnx.ml", nodes_splits=held("", [3]), leaf_weights=held("", [4]),
             nodes_featureids=[0, 1, 2], tree_roots=[0]),
        3 + 4 + 3 + 1, 7 * 4 + 4 * 8,
    ),
    "a linear model": (
        node("LinearRegressor", ["x"], domain="ai.onnx.ml", coefficients=[0.1] * 10, intercepts=[1.0]), 11, 44
    ),
    "supports": (
        node("SVMRegressor", ["x"], domain="ai.onnx.ml", coefficients=[0.1] * 4, support_vectors=[0.1] * 12,
             kernel_params=[0.1, 0.0, 3.0], rho=[0.5], n_supports=4, kernel_type="RBF"), 20, 80,
    ),
    "a scaler": (node("Scaler", ["x"], domain="ai.onnx.ml", offset=[0.0] * 5, scale=[1.0] * 5), 10, 40),
    "a table": (
        node("LabelEncoder", ["x"], domain="ai.onnx.ml", keys_strings=["cat", "mouse"], values_int64s=[0, 1]),
        4, 8 + 16,
    ),
    "a norm": (node("Normalizer", ["x"], domain="ai.onnx.ml", norm="L2"), 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSIC)
def test_what_classic_models_hold_has_a_figure_of_its_own(name):
    operator, count, size = CLASSIC[name]
    proto = model([operator])
    assert _onnx_weights.weights_of(proto).facts()["params_size"] == 0
    assert _onnx_weights.classic_values(proto) == ({"ml_values": count, "ml_values_size": size} if count else {})


class Net(nn.Module):
    """Layers of several kinds, with sizes and factors in the code between them."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.GELU())
        self.gain = nn.Parameter(torch.tensor(0.5))
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 4)

    def forward(self, x):
        h = self.features(x) * self.gain
        h = h.flatten(2).transpose(1, 2)[:, 1:]
        return self.head(self.norm(h) / 8**0.5).reshape(x.shape[0], -1, 2, 2)


class Sequence(nn.Module):
    """A table, a recurrent layer, and the table again as the last layer."""

    def __init__(self):
        super().__init__()
        self.table, self.rnn = nn.Embedding(50, 16), nn.LSTM(16, 16, batch_first=True)
        self.attention = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    def forward(self, x):
        return self.attention(self.rnn(self.table(x))[0])


@pytest.fixture
def each_layer_by_itself():
    """Without torch's one operator for a whole layer of a transformer, which has no translation."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.backends.mha.set_fastpath_enabled(fused)


EXPORTED = {
    "layers": (Net, lambda: torch.randn(2, 3, 8, 8)),
    "a sequence": (Sequence, lambda: torch.randint(0, 50, (2, 7))),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("name", EXPORTED)
@pytest.mark.usefixtures("each_layer_by_itself")
def test_a_graph_has_as_many_as_the_module(name, dynamo, tmp_path):
    make, inputs = EXPORTED[name]
    module = make().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))  # parameters of equal values would be one in a graph
        torch.onnx.export(
            _Named(module), (inputs(),), str(tmp_path / "m.onnx"), dynamo=dynamo,
            **({} if dynamo else {"do_constant_folding": False}),
        )  # fmt: skip
    counted = _onnx_weights.weights_of(onnx.load(tmp_path / "m.onnx", load_external_data=False)).facts()
    folded = sum(p.numel() for m in module.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters())
    assert counted["params_size"] == _facts.facts_of(module)["params_size"] - (folded if dynamo else 0)


class _Named(nn.Module):
    """Gives the parameters of a module a first name, as the exporters here do."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x)


@pytest.mark.slow
@pytest.mark.parametrize("per_channel", [False, True])
def test_a_graph_that_onnxruntime_has_quantised_has_as_many(per_channel, tmp_path):
    from onnxruntime.quantization import quantize_dynamic

    weights = [
        numpy_helper.from_array(np.random.default_rng(0).normal(size=s).astype("f"), n)
        for n, s in {"w": (8, 6), "b": (6,)}.items()
    ]
    value = helper.make_tensor_value_info
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"])]
    graph = helper.make_graph(nodes, "g", [value("x", FLOAT, [1, 8])], [value("y", FLOAT, [1, 6])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "m.onnx")
    quantize_dynamic(tmp_path / "m.onnx", tmp_path / "q.onnx", per_channel=per_channel)
    facts = _onnx_weights.weights_of(onnx.load(tmp_path / "q.onnx")).facts()
    assert (facts["params_size"], facts["weights_size"]) == (48 + 6, 48 + 4 * 6)
