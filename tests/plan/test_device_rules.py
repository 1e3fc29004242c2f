"""What `io`, `cuda_graphs` and `profile` need, told in words before anything runs."""

from dataclasses import replace

import pytest

from benchlib import mistakes
from benchlib.plan.expand import expand
from benchlib.plan.rules import refusal
from benchlib.plan.study import from_options
from benchlib.registries import runtimes


def refused(**parameters):
    return refusal(mistakes.make({"model": "explicit/mlp", "exporter": "script", **parameters}))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"io": "device"}, "the CPU has none but the host's"),
        ({"cuda_graphs": True}, "cuda_graphs needs a CUDA device; the device is cpu"),
        ({"device": "cuda", "cuda_graphs": True}, "cuda_graphs needs io: device"),
        ({"reference": {"exporter": "eager", "cuda_graphs": True}}, "cuda_graphs needs a CUDA device"),
        (
            {"device": "cuda", "io": "device", "cuda_graphs": True, "exporter": "inductor",
             "exporter_args": {"mode": "reduce-overhead"}},
            "mode reduce-overhead captures CUDA graphs itself",
        ),
        (
            {"device": "cuda", "runtime_args": {"provider_options": {"enable_cuda_graph": 1}}},
            "'enable_cuda_graph' is set by cuda_graphs",
        ),
        (
            {"device": "cuda", "runtime_args": {"provider_options": {"user_compute_stream": 1}}},
            "'user_compute_stream' is set by the measuring",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(parameters, words):
    assert words in refused(**parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"device": "cuda", "io": "device"},
        {"device": "cuda", "io": "device", "cuda_graphs": True},
        {"device": "cuda", "io": "device", "reference": {"exporter": "eager", "cuda_graphs": True}},
        {"device": "cuda", "io": "device", "cuda_graphs": True, "exporter": "inductor"},
        {"profile": True},
    ],
)
def test_what_can_be_is_not(parameters):
    assert refused(**parameters) is None


@pytest.mark.parametrize("reference", ["none", "eager"])
def test_every_contenders_runtime_has_to_have_it(monkeypatch, reference):
    lacking = "onnxruntime" if reference == "none" else "torch"
    plain = replace(runtimes.get(lacking), io=("host",), cuda_graphs=False)
    real = runtimes.get
    monkeypatch.setattr(runtimes, "get", lambda name: plain if name == lacking else real(name))
    found = refused(device="cuda", io="device", reference=reference)
    assert found == f"runtime {lacking} cannot leave inputs and outputs on the device (io: device)"
    assert refused(device="cuda", reference=reference) is None


def test_a_runtime_without_graphs_or_a_profiler_says_so(monkeypatch):
    plain = replace(runtimes.get("onnxruntime"), cuda_graphs=False, profiles=False)
    real = runtimes.get
    monkeypatch.setattr(runtimes, "get", lambda name: plain if name == "onnxruntime" else real(name))
    found = refused(device="cuda", io="device", cuda_graphs=True)
    assert found == "runtime onnxruntime cannot replay CUDA graphs"
    assert refused(profile=True) == "runtime onnxruntime has no profiler of its own (profile: true)"


def test_graphs_are_a_way_of_their_own_and_io_is_not():
    plain = mistakes.make({"model": "explicit/mlp", "exporter": "eager", "device": "cuda", "io": "device"})
    graphs = mistakes.make({**plain.asked(), "cuda_graphs": True, "exporter": "eager"})
    assert (plain.way.label, graphs.way.label) == ("eager", "eager cuda_graphs")
    assert graphs.reference_way == plain.way != graphs.way
    assert plain.key() != graphs.key()


def test_the_plan_has_a_row_for_what_is_refused():
    plan = expand(from_options("s", {"model": ["explicit/mlp"], "exporter": ["script"], "io": ["host", "device"]}))
    assert [p.status for p in plan.trials] == ["", "refused"]
    assert plan.trials[1].reason.startswith("io: device leaves")
