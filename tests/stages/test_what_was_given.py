"""A module with all that can be given: from the user's objects to the timed call, and to the record."""

import pytest

from benchlib.stages.steps import begin

pytestmark = [pytest.mark.process]


def test_what_was_given_is_what_is_timed(tmp_path):
    import torch
    from transformers import DynamicCache

    from benchlib import tensors
    from benchlib.models import python
    from tests import given_classes as given

    torch.manual_seed(0)
    x, table, cache = torch.randn(6, 4, 2, 4).to(memory_format=torch.channels_last), torch.randn(6, 8), DynamicCache()
    cache.update(torch.randn(1, 1, 3, 4), torch.randn(1, 1, 3, 4), 0)
    module = given.TakesAll()
    inputs = {
        "batch": given.Batch(x, table[:1, :4], 2.0),
        "column": table[:, 5],
        "cache": cache,
        "adjacency": torch.eye(2).to_sparse_csr(),
        "wanted": {1, 2},
        "mode": given.Mode.FAST,
        "where": (torch.device("cpu"), slice(1, None), ...),
    }
    model = python.store(module, inputs)
    trial = begin({"model": model, "exporter": "eager", "level": "smoke", "reference": "none"})
    for step in (trial.load, trial.export, trial.open, trial.check, trial.measure):
        step()
    record = trial.record().record
    assert record.status == "ok", record.reason
    assert record.trial["dtype"] == "mixed"
    assert record.metrics["training_mode"] == "as given: 1 of 3 parts in training mode (norm)"
    assert record.metrics["ground_truth_is"] == "changes its inputs: `cache_0_keys`, `cache_0_values`"
    assert "batch_x: float32[6×4×2×4] channels_last" in record.metrics["input_shapes"]
    assert "column: float32[6] strides 8" in record.metrics["input_shapes"]
    outputs, _ = tensors.load(record.files.outputs)
    assert list(outputs.values())[1].tolist() == [1.0] * 6
    assert record.metrics["time_latency"] > 0

    trial = begin({"model": model, "exporter": "script", "level": "smoke", "until": "check"})
    trial.load()
    trial.export()
    record = trial.record().record
    assert record.status == "refused" and "the input adjacency is a sparse_csr tensor" in record.reason
