"""A class of the user's own as a runtime: in a file, with options and facts; what is missing or wrong in one line."""

import numpy as np
import pytest

from benchlib.errors import UserError
from benchlib.registries import runtimes
from benchlib.runtimes import OpenRequest
from tests.runtimes import graphs
from tests.runtimes.graphs import gives, raises_in_a_line

FILE = '''
class Engine:
    """onnxruntime, called by hand."""

    options = {"factor": 1.0, "mode": None}
    packages = ("onnxruntime",)

    def __init__(self, path, threads, factor, mode):
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        self.factor = factor
        self.facts = {"threads": threads, "precision": {"matmul": "ieee"}, "mode": mode}

    def run(self, feeds):
        return [found * self.factor for found in self.session.run(None, feeds)]


class Called:
    def __init__(self, path, threads):
        self.input_names = ["graph.a"]

    def __call__(self, feeds):
        return feeds["graph.a"] + 1


class Named(Called):
    def run(self, feeds):
        return {"b": feeds["graph.a"] * 2}


class OnDevice:
    providers = {"CPU": "cpu", "Chip": "cuda"}

    def __init__(self, path, threads, device):
        self.device = device

    def run(self, feeds):
        return []


class Raises:
    def __init__(self, path, threads):
        raise ValueError("no such engine today")

    def run(self, feeds):
        pass


class Idle:
    def __init__(self, path, threads):
        pass


class Unmade:
    def run(self, feeds):
        pass


class Loose(Unmade):
    opens = "onnx"

    def __init__(self, path, threads):
        pass
'''
A = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "engines.py"
    path.write_text(FILE)
    return path


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    return graphs.product(tmp_path_factory.mktemp("graph") / "m.onnx")


def opened(file, name, artifact="m.onnx", **request):
    return runtimes.get(f"{file}:{name}").open(OpenRequest(artifact, "onnx", **request))


def test_an_engine_runs_as_a_runtime(file, product):
    options = {"factor": 2.0, "mode": "x"}
    session = opened(file, "Engine", product, threads=2, options=options)
    gives(session, [2 * A @ graphs.weight_of(3)], a=A)
    assert session.facts == {"providers": "CPU", "threads": 2, "precision": {"matmul": "ieee"}, "mode": "x"}


def test_a_class_declares_itself(file):
    declared = runtimes.get(f"{file}:Engine")
    assert declared.name == f"{file}:Engine" and declared.summary == "onnxruntime, called by hand."
    assert declared.opens == ("onnx",) and declared.packages == ("onnxruntime",)
    assert dict(declared.providers) == {"CPU": "cpu"} and declared.io == ("host",)
    factor, mode = declared.options["factor"], declared.options["mode"]
    assert factor.default == 1.0 and "not a number" in factor.problem("much")
    assert mode.default is None and mode.problem("anything") is None


@pytest.mark.parametrize(("name", "wanted"), [("Called", [A + 1]), ("Named", {"b": A * 2})])
def test_inputs_by_the_graphs_names_and_what_run_may_return(file, name, wanted):
    session = opened(file, name)
    found = session.to_host(session.bind({"a": A}, {"a": A})())
    assert type(found) is type(wanted)
    np.testing.assert_array_equal(
        found if name == "Called" else found["b"], wanted if name == "Called" else wanted["b"]
    )
    assert session.facts["threads"] == 1 and session.facts["input_names"] == ["graph.a"]


def test_a_class_with_other_devices_is_told_which(file):
    session = opened(file, "OnDevice", device="cuda:1")
    assert session.engine.device == "cuda:1" and session.facts["providers"] == "Chip"
    with raises_in_a_line(RuntimeError, "run returned list without an array in it"):
        session.to_host(session.bind({"a": A}, {"a": A})())


def test_what_an_engine_raises_is_its_own(file):
    with raises_in_a_line(ValueError, "no such engine today"):
        opened(file, "Raises")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("Idle", r"engines\.py:Idle has no method run\(feeds\)"),
        ("Unmade", r"engines\.py:Unmade has no constructor \(path, threads, \*\*options\)"),
        ("Loose", r"engines\.py:Loose: opens has to be a tuple of texts, not 'onnx'"),
        ("Engin", "has no 'Engin'; did you mean 'Engine'"),
    ],
)
def test_what_a_class_lacks_is_said_in_a_line(file, name, match):
    with raises_in_a_line(UserError, match):
        runtimes.get(f"{file}:{name}")
