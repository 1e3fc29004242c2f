"""MLAgility's labels stand at every model of its corpora."""

import pytest

from benchlib.registries import sources


@pytest.mark.parametrize(
    "suite", ["diffusers", "graph_convolutions", "selftest", "torch_hub", "torchvision", "transformers"]
)
def test_every_model_of_a_corpus_has_its_labels(suite):
    for row in sources.get(suite).catalogue():
        assert row["labels"]["name"] == [row["name"]] and row["labels"]["author"] == [suite]
        assert row["labels"]["test_group"][0] in ("mlagility", "selftest", "benchlib")


def test_what_is_no_classifier_of_the_hub_is_not_called_one():
    tasks = {row["name"]: row["task"] for row in sources.get("torch_hub").catalogue()}
    others = {name: task for name, task in tasks.items() if task != "image-classification"}
    assert others.pop("unet") == "image-segmentation" and others.pop("dcgan") == "image-generation"
    assert set(others.values()) == {"depth-estimation"} and all(name.startswith("midas") for name in others)
