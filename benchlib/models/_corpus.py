"""What MLAgility's scripts say of their models on their first line."""

from __future__ import annotations

from benchlib.label_line import Labels


def labels(name: str, author: str, test_group: str = "mlagility") -> Labels:
    """The labels of a model, as the catalogue of its suite has them."""
    return {"name": [name], "author": [author], "test_group": [test_group]}
