"""Models whose course depends on their data: drafted as they decide for the example, and the record says what."""

import numpy as np
import pytest
import torch
from torch import nn

from benchlib.exporters import ExportRequest, onnx_dynamo
from benchlib.models import LoadedModel
from benchlib.worker.service import problem_of

pytestmark = pytest.mark.slow


class Deciding(nn.Module):
    def forward(self, x):
        above = x[x > 0]
        return above * 2 if above.numel() > 3 else above - 1


def request(tmp_path, **options):
    x = torch.tensor([1.0, -1.0, 2.0, 3.0, 4.0])
    return ExportRequest(LoadedModel({"x": x}, Deciding().eval(), positional=("x",)), tmp_path / "m", options)


def test_the_graph_decides_as_the_example_does_and_says_so(tmp_path):
    import onnxruntime

    facts = onnx_dynamo.export(request(tmp_path, draft=True))
    assert "> 3 is True" in facts["decisions"]
    session = onnxruntime.InferenceSession(facts["file"])
    for x in ([1.0, -1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0, -9.0]):
        (found,) = session.run(None, {"x": np.array(x, np.float32)})
        assert found.tolist() == [2 * value for value in x if value > 0]


def test_without_a_draft_the_failure_begins_with_its_cause(tmp_path):
    with pytest.raises(torch.onnx.OnnxExporterError) as failure:
        onnx_dynamo.export(request(tmp_path))
    told = problem_of(failure.value)
    assert told.message.startswith("GuardOnDataDependentSymNode: Could not guard on data-dependent expression")
    assert "\x1b" not in told.message + told.traceback


def test_a_graph_that_decides_nothing_on_data_has_no_decisions(tmp_path):
    model = LoadedModel({"x": torch.ones(2, 3)}, nn.Linear(3, 4).eval(), positional=("x",))
    assert "decisions" not in onnx_dynamo.export(ExportRequest(model, tmp_path / "m", {"draft": True}))
