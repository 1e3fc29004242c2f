"""On a real GPU: resnet18 through eager and onnxruntime, with the copies inside the call and without them."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchlib import mistakes, tensors
from benchlib.exporters import ExportRequest
from benchlib.measure.device import device_metrics
from benchlib.models import _saved
from benchlib.precision import precision_differences
from benchlib.registries import exporters, sources
from benchlib.runtimes import OpenRequest, _cuda, onnxruntime
from benchlib.runtimes import torch as torch_runtime
from benchlib.worker import gpu_clocks, verbs
from benchlib.worker.device import time_on_device
from benchlib.worker.messages import GiveOutputs, ProfileCalls, RunBlock, TimeOnDevice
from benchlib.worker.profiled import profile_calls
from benchlib.worker.service import Worker
from benchlib.worker.timed import run_block

NO_DRIVER = _cuda.devices()[1]
pytestmark = [pytest.mark.cuda, pytest.mark.skipif(NO_DRIVER is not None, reason=str(NO_DRIVER))]
WAYS = [("eager", io, graphs) for io, graphs in (("host", False), ("device", False), ("device", True))]
WAYS += [("script", io, graphs) for _, io, graphs in WAYS]


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resnet")
    model = sources.get("timm").load("resnet18", mistakes.make({"model": "timm/resnet18", "batch_size": 2}))
    _saved.save(model.module, folder / "model.pt")
    inputs = tensors.apply(tensors.to_numpy, model.inputs)
    expected = [tensors.to_numpy(o) for o in tensors.flatten(model.call())[0].values()]
    file = exporters.get("script").export(ExportRequest(model, folder / "m"))["file"]
    return SimpleNamespace(model=model, inputs=inputs, expected=expected, saved=str(folder / "model.pt"), onnx=file)


def worker_of(resnet, exporter, **request) -> Worker:
    runtime, file = (torch_runtime, resnet.saved) if exporter == "eager" else (onnxruntime, resnet.onnx)
    worker = Worker(channel=None)
    positional = tuple(resnet.model.positional)
    worker.session = runtime.open(OpenRequest(file, exporter, positional=positional, device="cuda", **request))
    worker.time_calls(worker.session.bind(resnet.inputs, tensors.flatten(resnet.inputs)[0]))
    return worker


@pytest.mark.parametrize(("exporter", "io", "graphs"), WAYS)
def test_it_computes_the_same_and_its_parts_fit_into_the_latency(resnet, exporter, io, graphs, tmp_path):
    worker = worker_of(resnet, exporter, io=io, cuda_graphs=graphs)
    for n in range(3):  # the first, the captured, the replayed
        verbs.give_outputs(worker, GiveOutputs(tmp_path / f"{n}.npz"))
        flat, _ = tensors.load(tmp_path / f"{n}.npz")
        for found, wanted in zip(flat.values(), resnet.expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)
        worker.last = None
    assert worker.session.facts["providers"] in ("CUDA", "CUDAExecutionProvider")
    assert worker.session.facts.get("node_share", 1.0) == 1.0
    reply = time_on_device(worker, TimeOnDevice(50))
    latency = float(np.median(run_block(worker, RunBlock(100)).ns)) / 1e9
    found = device_metrics([reply.times], latency)
    assert found["time_compute"] > 0 and 0 < found["time_device"] <= 1.1 * latency
    assert 0 < found["time_back_to_back"] <= 1.1 * latency
    assert (found["time_copy_in"] > 0) == (found["time_copy_out"] > 0) == (io == "host")


def test_contenders_compute_with_the_same_precision(resnet):
    precision = {e: worker_of(resnet, e, io="device").session.facts["precision"] for e in ("eager", "script")}
    assert precision_differences(precision) == []


def test_profiles_say_where_the_time_went(resnet, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "0")  # a worker sets it for itself alone
    for exporter, provider in (("eager", "CUDA"), ("script", "CUDAExecutionProvider")):
        worker = worker_of(resnet, exporter, profile=str(tmp_path))
        rows = profile_calls(worker, ProfileCalls(5)).operators
        assert {row.provider for row in rows} == {provider} and rows[0].seconds > 0


def test_the_clocks_of_the_gpu_can_be_read():
    assert gpu_clocks.read("cuda")["sm_clock"] > 0
