"""An exporter that is a package of its own (tests/planted/benchlib_identity) is known like ours."""

import onnx
import pytest
from exporting import Bundle, load, same

from benchlib import mistakes
from benchlib.errors import UserError
from benchlib.plan import availability, rules
from benchlib.registries import exporters


def test_it_is_known_by_its_entry_point():
    assert "identity" in exporters.names() and not exporters.is_ours("identity")
    assert exporters.file_of("identity").parent.name == "benchlib_identity"
    asked = mistakes.make({"model": "explicit/mlp", "exporter": "identity", "exporter_args": {"made_by": "me"}})
    assert rules.refusal(asked) is None and availability.lacks(asked) is None
    assert asked.way.label == "identity made_by=me"
    with pytest.raises(UserError, match="made_by"):
        mistakes.make({"model": "explicit/mlp", "exporter": "identity", "exporter_args": {"made_bi": "me"}})


def test_it_exports(tmp_path):
    bundle = Bundle(load("explicit/tuple_io", batch_size=2), tmp_path)
    file = bundle.export("identity", {"made_by": "me"})["file"]
    assert [(p.key, p.value) for p in onnx.load(file).metadata_props] == [("made_by", "me")]
    same(bundle.run("identity", file), bundle.expected)
