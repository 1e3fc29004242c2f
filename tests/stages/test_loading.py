"""What the cache holds of a model."""

from pathlib import Path

import pytest

from benchlib.record.metadata import SavedModel
from benchlib.stages.loading import Model


@pytest.mark.parametrize("given, compared", [(None, [1, 2]), ("inputs.npz", [1, 2, 3, 4])])
def test_outputs_are_compared_at_every_set_that_takes_turns_where_inputs_were_given(given, compared):
    """What is derived from given inputs need not be legal: a shape is so in one order alone."""
    metadata = SavedModel((), {}, {n: "hash" for n in range(1, 5)}, "hash")
    model = Model(Path(), "", {"parameters": {"inputs": given}}, metadata, True)
    assert list(model.compared_sets) == compared
