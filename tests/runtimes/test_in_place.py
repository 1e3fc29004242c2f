"""A session that says that it reads its inputs in place does: what is written there the next call computes."""

import numpy as np
import pytest

from benchlib import tensors
from benchlib.models import _saved
from benchlib.registries import runtimes
from benchlib.runtimes import OpenRequest
from benchlib.runtimes._own import OwnSession
from benchlib.worker.rotation import are_exchangeable
from tests.runtimes import graphs

A, B = (np.random.default_rng(seed).standard_normal((4, 3)).astype(np.float32) for seed in (1, 2))


@pytest.fixture(autouse=True)
def _as_before():
    """A session in float64 changes what torch does by default in its whole process."""
    import torch

    default, deterministic = torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_default_dtype(default)
    torch.use_deterministic_algorithms(deterministic)


def opened(runtime, folder, **changes):
    if runtime == "torch":
        import torch

        torch.manual_seed(0)
        _saved.save(torch.nn.Linear(3, 3).eval(), folder / "model.pt")
        request = OpenRequest(str(folder / "model.pt"), "eager", positional=("a",), **changes)
    else:
        request = OpenRequest(graphs.product(folder / "g.onnx"), "script", **changes)
    return runtimes.get(runtime).open(request)


def answer(session, outputs):
    outputs = getattr(session, "to_host", lambda given: given)(outputs)
    return tensors.to_numpy(next(iter(tensors.flatten(outputs)[0].values()))).copy()


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_inputs_that_change_places_change_the_outputs(runtime, tmp_path):
    session = opened(runtime, tmp_path)
    assert session.reads_in_place and not getattr(session, "keeps_inputs", False)
    # As they come from a file.
    for name, array in (("one", A), ("two", B)):
        tensors.save(tmp_path / f"{name}.npz", {"a": array})
    buffers = [tensors.load(tmp_path / f"{name}.npz")[0] for name in ("one", "two")]
    assert are_exchangeable(buffers)
    one, two = (session.bind(buffer, buffer) for buffer in buffers)
    of_a, of_b = answer(session, one()), answer(session, two())
    assert not np.allclose(of_a, of_b)
    buffers[0]["a"][...], buffers[1]["a"][...] = B, A
    np.testing.assert_array_equal(answer(session, one()), of_b)
    np.testing.assert_array_equal(answer(session, two()), of_a)


@pytest.mark.parametrize(
    ("runtime", "changes"), [("torch", {"options": {"float64": True}}), ("onnxruntime", {"io": "device"})]
)
def test_a_session_that_copies_its_inputs_does_not_say_so(runtime, changes, tmp_path):
    assert not opened(runtime, tmp_path, **changes).reads_in_place


def test_an_engine_of_the_users_own_gets_the_arrays_themselves():
    class Engine:
        def run(self, feeds):
            return feeds["a"]

    session = OwnSession("Engine", Engine(), OpenRequest("", "script"), "CPU")
    assert session.reads_in_place
    array = A.copy()
    assert session.bind({"a": array}, {"a": array})() is array
