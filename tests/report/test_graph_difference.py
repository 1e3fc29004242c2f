"""Differences between graphs, and which operators explain a gap in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchlib.record import GraphSize, OperatorTime, Record
from benchlib.report.graph_difference import (
    Graph,
    GraphFacts,
    explanation,
    fused,
    graph_of,
    operators_that_differ,
    same_graph,
    time_changes,
)


def profiled(label: str, **operators: tuple[float, float]) -> Graph:
    """A graph with a profile: operator=(calls, milliseconds)."""
    rows = [OperatorTime(name, "CPU", n, ms / 1e3) for name, (n, ms) in operators.items()]
    return Graph(label, {name: int(n) for name, (n, _) in operators.items()}, profile=rows)


def test_operators_that_differ_stand_in_order_of_their_difference():
    graphs = [
        Graph("a", {"MatMul": 24, "Add": 10, "Erf": 12, "Relu": 3}),
        Graph("b", {"MatMul": 12, "Add": 10, "com.microsoft.Gelu": 2, "Relu": 3}),
    ]
    assert operators_that_differ(graphs) == ["Erf", "MatMul", "com.microsoft.Gelu"]
    assert operators_that_differ(graphs[:1]) == []


def test_fused_nodes_are_those_of_another_domain():
    assert fused({"MatMul": 3, "com.microsoft.FusedMatMul": 2, "pkg.onnxscript.Op": 1}) == 3


def test_facts_come_from_the_graph_and_else_from_the_metrics():
    record = Record("k", "n", "ok", {}, operators={"com.microsoft.Gelu": 2}, graph=GraphSize(nodes=7, opset=20))
    row = {"onnx_n_nodes": 1, "onnx_n_initializer": 5, "onnx_filesize": float("nan")}
    graph = graph_of("a", record, row)
    assert graph.facts == GraphFacts(nodes=7, opset=20, initializers=5, fused_nodes=2)
    assert same_graph(graph, graph_of("b", record, row))
    assert not same_graph(graph, graph_of("b", replace(record, graph=GraphSize(nodes=8)), row))


def test_times_are_summed_over_providers_and_sorted_by_their_difference():
    a, b = profiled("a", MatMul=(24, 2.0), Add=(10, 0.1)), profiled("b", MatMul=(12, 1.0), Gelu=(12, 0.3))
    a = replace(a, profile=[*a.profile, OperatorTime("Add", "CUDA", calls=2, seconds=0.4e-3)])
    changes = time_changes(a, b)
    assert [c.operator for c in changes] == ["MatMul", "Add", "Gelu"]
    assert changes[1].one == pytest.approx((12, 0.5e-3)) and changes[1].other == (0, 0)
    assert changes[2].seconds == pytest.approx(-0.3e-3)


def test_the_sentence_names_what_makes_up_the_gap():
    a = profiled("A", MatMul=(24, 2.2), Erf=(12, 0.6), Add=(5, 0.05))
    b = profiled("B", MatMul=(12, 1.0), Add=(5, 0.05))
    assert explanation(a, b) == (
        "Of the 1.80 ms between A (2.85 ms in operators) and B (1.05 ms), "
        "1.20 ms is MatMul: 24 calls against 12; 600 µs is Erf: 12 calls against none."
    )
    assert explanation(b, a) == explanation(a, b), "whichever is asked about first"


def test_the_sentence_says_when_the_calls_are_as_many_and_slower():
    text = explanation(profiled("A", Conv=(4, 4.0)), profiled("B", Conv=(4, 2.0)))
    assert text.endswith("2.00 ms is Conv: 4 calls in both, of 1.00 ms against 500 µs.")


def test_what_the_faster_graph_pays_in_return_is_told():
    text = explanation(profiled("A", MatMul=(2, 2.0), X=(1, 0.01)), profiled("B", FusedMatMul=(1, 1.0), X=(1, 0.02)))
    assert text.endswith("In return B spends 1.00 ms more in FusedMatMul (none against 1 call).")
    assert text.startswith("Of the 990 µs between A"), "X is too small to be told"


def test_no_gap_is_not_explained():
    text = explanation(profiled("A", MatMul=(2, 1.00)), profiled("B", MatMul=(1, 0.99)))
    assert "there is no gap to explain: less than 5 %" in text and "MatMul" not in text


def test_without_a_profile_of_both_there_is_no_sentence():
    assert explanation(profiled("A", MatMul=(2, 1.0)), Graph("B", {"MatMul": 1})) == ""


def test_at_most_three_operators_are_named():
    many = {f"Op{n}": (1, 1.0) for n in range(9)}
    text = explanation(profiled("A", **many), profiled("B", Rest=(1, 0.1)))
    assert text.count("1 call against none") == 3
