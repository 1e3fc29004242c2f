"""Which inputs of an ONNX graph its outputs are computed from."""

import pytest
from onnx import TensorProto, helper, parser

from benchlib.onnx_facts import inputs_used

HEAD = '<ir_version: 8, opset_import: ["" : 17]>\nagraph (float[2] x, float[2] t, bool c) => (float[n] y) '


@pytest.mark.parametrize(
    ("nodes", "names"),
    [
        ("y = Add(x, t)", ["x", "t"]),
        ("y = Relu(x)", ["x"]),
        ("z = Exp(t) y = Relu(x)", ["x"]),  # computed, and used for nothing
        ("s = Shape(t) y = Expand(x, s)", ["x"]),
        ("n = NonZero(t) s = Shape(n) f = Cast<to = 1>(s) y = Mul(x, f)", ["x", "t"]),
        (
            "y = If (c) <then_branch = a () => (float[2] p) { p = Exp(t) }, "
            "else_branch = b () => (float[2] q) { q = Neg(t) }>",
            ["t", "c"],
        ),
    ],
)
def test_inputs_that_outputs_are_computed_from(nodes, names):
    assert inputs_used(parser.parse_model(f"{HEAD}{{ {nodes} }}")) == names


def test_a_branch_may_give_what_the_graph_around_it_has():
    text = "y = If (c) <then_branch = a () => (float[2] x) { }, else_branch = b () => (float[2] q) { q = Neg(x) }>"
    assert inputs_used(parser.parse_model(f"{HEAD}{{ {text} }}")) == ["x", "c"]


def test_weights_are_no_inputs():
    proto = parser.parse_model(f"{HEAD}{{ y = Add(x, t) }}")
    proto.graph.initializer.append(helper.make_tensor("t", TensorProto.FLOAT, [2], [1.0, 2.0]))
    assert inputs_used(proto) == ["x"]
