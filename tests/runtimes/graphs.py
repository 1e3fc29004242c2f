"""Small ONNX graphs for the tests of the runtimes that open them."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

FLOAT, INT64, INT32, BOOL, BFLOAT16 = (
    getattr(TensorProto, name) for name in ("FLOAT", "INT64", "INT32", "BOOL", "BFLOAT16")
)


def save(path, nodes, inputs, outputs, weights=(), domains=()):
    """Writes a graph of nodes (operator, inputs, outputs[, domain]); returns its path as text."""
    made = [helper.make_node(*n[:3], domain=n[3] if n[3:] else "") for n in nodes]
    values = [[helper.make_tensor_value_info(*v) for v in side] for side in (inputs, outputs)]
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in domains)]
    graph = helper.make_graph(made, "g", *values, list(weights))
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return str(path)


def product(path, size=3):
    """b = a · W with a free number of rows."""
    weight = helper.make_tensor("w", FLOAT, [size, size], weight_of(size).ravel())
    shape = ["rows", size]
    return save(path, [("MatMul", ["a", "w"], ["b"])], [("a", FLOAT, shape)], [("b", FLOAT, shape)], [weight])


def weight_of(size):
    return np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)


def mixed(path):
    """Types and shapes that are no plain float matrix; `MIXED` are inputs, `EXPECTED` the outputs for them."""
    nodes = [
        ("Add", ["scalar", "scalar"], ["doubled"]),
        ("Not", ["flags"], ["unflagged"]),
        ("Mul", ["small", "small"], ["squared"]),
        ("NonZero", ["flags"], ["where"]),
        ("Identity", ["nothing"], ["still_nothing"]),
    ]
    inputs = [("scalar", INT64, []), ("flags", BOOL, [3]), ("small", INT32, [2]), ("nothing", FLOAT, ["rows", 4])]
    outputs = [("doubled", INT64, []), ("unflagged", BOOL, [3]), ("squared", INT32, [2]), ("where", INT64, [1, "n"]),
               ("still_nothing", FLOAT, ["rows", 4])]  # fmt: skip
    return save(path, nodes, inputs, outputs)


MIXED = {
    "scalar": np.array(21, np.int64),
    "flags": np.array([True, False, True]),
    "small": np.array([3, -4], np.int32),
    "nothing": np.zeros((0, 4), np.float32),
}
EXPECTED = [
    np.array(42, np.int64),
    np.array([False, True, False]),
    np.array([9, 16], np.int32),
    np.array([[0, 2]], np.int64),
    np.zeros((0, 4), np.float32),
]


def gives(session, wanted, **arrays):
    """Binds, calls, and holds the outputs against `wanted`, types and shapes too."""
    found = session.bind(arrays, arrays)()
    for a, b in zip(found, wanted, strict=True):
        assert (np.asarray(a).dtype, np.shape(a)) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    return found


def unknown(path):
    """An operator that no runtime has."""
    return save(path, [("MadeUp", ["a"], ["b"])], [("a", FLOAT, [2])], [("b", FLOAT, [2])])


def contrib(path):
    """An operator of onnxruntime's own."""
    nodes = [("FusedMatMul", ["a", "a"], ["b"], "com.microsoft")]
    return save(path, nodes, [("a", FLOAT, [2, 2])], [("b", FLOAT, [2, 2])], domains=["com.microsoft"])


def raises_in_a_line(error, match):
    """`pytest.raises`, and the text is one line."""
    return pytest.raises(error, match=rf"\A[^\n]*{match}[^\n]*\Z")
