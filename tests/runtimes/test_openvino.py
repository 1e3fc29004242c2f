"""OpenVINO: values, shapes, precision and threads as asked and read back, its own counters, one-line failures."""

import numpy as np
import pytest

from benchlib import mistakes, tensors
from benchlib.errors import UserError
from benchlib.registries import runtimes
from benchlib.runtimes import OpenRequest
from benchlib.runtimes import openvino as runtime
from tests.runtimes import graphs
from tests.runtimes.graphs import gives, raises_in_a_line

A = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    return graphs.product(tmp_path_factory.mktemp("graph") / "m.onnx")


def opened(path, threads=1, profile="", **options):
    return runtime.open(OpenRequest(path, "onnx", threads=threads, profile=str(profile), options=options))


def test_it_computes_and_says_how(product):
    session = opened(product)
    gives(session, [A @ graphs.weight_of(3)], a=A)
    assert session.facts["providers"] == "CPU" and session.facts["input_names"] == ["a"]
    assert session.facts["threads"] == session.facts["interop_threads"] == 1
    assert session.facts["precision"] == {"matmul": "ieee", "convolution": "ieee", "denormals": "kept"}
    assert session.facts["properties"]["EXECUTION_MODE_HINT"] == "ACCURACY"
    assert session.facts["properties"]["DYNAMIC_QUANTIZATION_GROUP_SIZE"] == 0


def test_types_scalars_and_nothing(tmp_path):
    gives(opened(graphs.mixed(tmp_path / "m.onnx")), graphs.EXPECTED, **graphs.MIXED)


def test_other_shapes_follow_and_the_first_binding_stays(product):
    session, other = opened(product), np.ones((7, 3), np.float32)
    first = session.bind({"a": A}, {"a": A})
    gives(session, [other @ graphs.weight_of(3)], a=other)
    gives(session, [np.zeros((0, 3), np.float32)], a=np.zeros((0, 3), np.float32))
    np.testing.assert_allclose(first()[0], A @ graphs.weight_of(3), rtol=1e-5, atol=1e-6)


def test_outputs_are_new_and_inputs_are_followed(product):
    own = A.copy()
    call = opened(product).bind({"a": own}, {"a": own})
    first = call()[0]
    kept = first.copy()
    own[:] = 0
    assert not call()[0].any(), "the array's own memory is what is read"
    np.testing.assert_array_equal(first, kept)


def test_inputs_that_nobody_else_holds_stay(product):
    call = opened(product).bind({"a": A[::-1].copy()}, {"a": A[::-1].copy()})
    overwritten = [np.full(A.shape, 9, np.float32) for _ in range(1000)]
    np.testing.assert_allclose(call()[0], A[::-1] @ graphs.weight_of(3), rtol=1e-5, atol=1e-6)
    del overwritten


@pytest.mark.parametrize("prepare", [np.asfortranarray, lambda a: a[::-1], "readonly"])
def test_any_array_can_be_an_input(product, prepare):
    a = A.copy() if prepare == "readonly" else prepare(A)
    a.flags.writeable = prepare != "readonly"
    gives(opened(product), [a @ graphs.weight_of(3)], a=a)


def test_float32_is_float32_unless_asked(tmp_path):
    import openvino

    size = 256
    path, a = graphs.product(tmp_path / "m.onnx", size), np.ones((1, size), np.float32)
    exact = a.astype(np.float64) @ graphs.weight_of(size)

    def error(session):
        return np.abs(session.bind({"a": a}, {"a": a})()[0] - exact).max()

    assert error(opened(path)) < 1e-4
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bfloat16")
    lower = opened(path, infer_precision="bf16")
    assert lower.facts["precision"]["matmul"] == lower.facts["precision"]["convolution"] == "bf16"
    assert error(lower) > 1e-3


def test_threads_and_streams_are_read_back(product):
    # OpenVINO takes no more threads than there are cores, and says so: the record's check compares
    session = opened(product, threads=1, num_streams=1, enable_cpu_pinning=False, scheduling_core_type="any_core")
    assert session.facts["threads"] == 1 and session.facts["properties"]["ENABLE_CPU_PINNING"] is False
    assert opened(product, hint="latency").facts["properties"]["PERFORMANCE_HINT"] == "LATENCY"
    hinted = opened(product, hint="throughput")
    assert hinted.facts["properties"]["PERFORMANCE_HINT"] == "THROUGHPUT"
    assert hinted.facts["interop_threads"] >= 1


def test_a_compiled_model_is_kept_where_asked(product, tmp_path):
    opened(product, cache_dir=str(tmp_path / "kept"))
    assert list((tmp_path / "kept").iterdir())


def test_own_properties_go_through(product):
    found = opened(product, properties={"CPU_DENORMALS_OPTIMIZATION": True}).facts["precision"]
    assert found["denormals"] == "zero"


@pytest.mark.parametrize(
    ("properties", "match"),
    [
        ({"CPU_DENORMALS": True}, "no property 'CPU_DENORMALS' to set; did you mean 'CPU_DENORMALS_OPTIMIZATION'"),
        ({"FULL_DEVICE_NAME": "x"}, "no property 'FULL_DEVICE_NAME' to set"),
        ({"LOG_LEVEL": "loud"}, "properties 'LOG_LEVEL'"),
    ],
)
def test_a_property_that_is_none_is_one_line(product, properties, match):
    with raises_in_a_line(UserError, match):
        opened(product, properties=properties)


def test_its_counters_make_a_profile(tmp_path):
    path, a = graphs.product(tmp_path / "m.onnx", 512), np.ones((512, 512), np.float32)
    session = opened(path, profile=tmp_path)
    call = session.bind({"a": a}, {"a": a})
    for _ in range(3):
        call()
    (row,) = session.profile(call, 10)
    assert (row["operator"], row["provider"], row["calls"]) == ("FullyConnected", "CPU", 1.0)
    # 512³ multiplications and additions: a mean that is counted twice or in other units is orders away
    assert 1e-5 < row["seconds"] < 0.5


def test_what_calls_before_the_profile_took_is_no_part_of_it(product, monkeypatch, tmp_path):
    session = opened(product, profile=tmp_path)
    call = session.bind({"a": A}, {"a": A})
    means = {0: {}, 3: {"n/1": runtime.MeanTime("MatMul", 100e-6)}, 8: {"n/1": runtime.MeanTime("MatMul", 50e-6)}}
    monkeypatch.setattr(session, "_counters", lambda: means[session.calls])
    for _ in range(3):
        call()
    (row,) = session.profile(call, 5)
    assert row["seconds"] == pytest.approx((8 * 50e-6 - 3 * 100e-6) / 5) and row["calls"] == 1


def test_what_it_cannot_read_fails_by_name(tmp_path):
    with raises_in_a_line(RuntimeError, "cannot read the graph: .*No conversion rule.*MadeUp"):
        opened(graphs.unknown(tmp_path / "m.onnx"))
    with raises_in_a_line(RuntimeError, "cannot read the graph: .*Could not open the file"):
        opened(str(tmp_path / "none.onnx"))


def test_what_the_graph_does_not_take_fails_by_name(product):
    session = opened(product)
    for wrong, match in ((A.astype(np.float64), "f64"), (np.ones((2, 5), np.float32), "2.5")):
        with raises_in_a_line(RuntimeError, f"does not take input a: .*{match}"):
            session.bind({"a": wrong}, {"a": wrong})


def test_bfloat16_is_refused(tmp_path):
    path = graphs.save(
        *(tmp_path / "m.onnx", [("Identity", ["a"], ["b"])]),
        *([("a", graphs.BFLOAT16, [2])], [("b", graphs.BFLOAT16, [2])]),
    )
    bits = tensors.labelled(np.array([0x3F80, 0x4000], np.uint16), "bfloat16")
    with raises_in_a_line(RuntimeError, "takes no bfloat16"):
        opened(path).bind({"a": bits}, {"a": bits})


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({}, None),
        ({"dtype": "bfloat16"}, "no bfloat16"),
        ({"rtopt": "off"}, "no levels of graph optimisation"),
        ({"runtime_args": {"properties": {"NUM_STREAMS": 2}}}, "'NUM_STREAMS' is set by num_streams"),
    ],
)
def test_refusals(parameters, rule):
    found = runtime.refuse(
        mistakes.make({"model": "explicit/mlp", "exporter": "script", "runtime": "openvino"} | parameters)
    )
    assert found is None if rule is None else rule in found


def test_it_declares_what_it_can():
    declared = runtimes.get("openvino")
    assert declared.profiles and not declared.contrib and declared.opens == ("onnx",)
    assert dict(declared.providers) == {"CPU": "cpu"}
