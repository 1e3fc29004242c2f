"""The models that the tests of exporters share, each loaded once."""

import pytest
from exporting import MODELS, Bundle, load


@pytest.fixture(scope="session")
def bundles(tmp_path_factory):
    made = {}

    def bundle(model) -> Bundle:
        if model not in made:
            made[model] = Bundle(load(model, **MODELS[model]), tmp_path_factory.mktemp("bundle"))
        return made[model]

    return bundle
