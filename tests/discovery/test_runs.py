"""Which of our own files a kept discovery depends on, and that a model has one hash however often its script runs."""

from pathlib import Path

import pytest

from benchlib import discovery
from benchlib.discovery import runs

SCRIPT = """
import sys

import torch
from torch import nn

class Scaled(nn.Module):
    KINDS = {"query", "key", "value"}

    def __init__(self):
        super().__init__()
        self.inner = torch.jit.script(nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.1)))
        self.kinds = set(self.KINDS)

    def forward(self, x):
        import scale

        return self.inner(x) * scale.FACTOR

Scaled()(torch.ones(1, 3))
files = [getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("benchlib.")]
print(*filter(None, files), sep="\\n")
"""

# What the excluded files need, and nothing else that a discovery does.
NEEDED_BY_EXCLUDED = (
    *("models/_file_kinds.py", "models/_use.py", "registries.py", "remembered.py", "user_file.py", "telemetry.py"),
    "record/",
)


@pytest.fixture
def script(tmp_path):
    (tmp_path / "scale.py").write_text("FACTOR = 2\n")
    script = tmp_path / "scaled.py"
    script.write_text(SCRIPT)
    return script


def is_excluded(file: Path) -> bool:
    return any(place in (file, *file.parents) for place in (runs.LIBRARY / name for name in runs.EXCLUDED))


@pytest.mark.process
def test_every_file_that_a_discovery_imports_decides_or_is_excluded(script):
    found = discovery.discover(script)
    assert found.ended == ""
    imported = {Path(line) for line in found.output.splitlines() if line.startswith(str(runs.LIBRARY))}
    deciding = set(runs.deciding_files())
    assert len(imported) > 30
    left_out = {str(file.relative_to(runs.LIBRARY)) for file in imported - deciding if not is_excluded(file)}
    assert {name for name in left_out if not name.startswith(NEEDED_BY_EXCLUDED)} == set()


def test_what_makes_the_hash_of_a_model_decides():
    names = {str(file.relative_to(runs.LIBRARY)) for file in runs.deciding_files()}
    hashing = {
        *("models/_content_torch.py", "models/_content_code.py", "models/_facts.py", "models/_given.py"),
        *("structures/walk.py", "layouts.py", "tensors.py", "discovery/identity.py", "discovery/__main__.py"),
    }
    assert hashing <= names


@pytest.mark.process
def test_a_model_has_one_hash_in_three_runs_and_another_when_what_it_imports_late_is_edited(script):
    hashes = []
    for remark in ("", "# one", "# two"):
        script.write_text(f"{SCRIPT}{remark}\n")
        hashes.append(discovery.discover(script).models[0].hash)
    assert len(set(hashes)) == 1
    script.with_name("scale.py").write_text("FACTOR = 3\n")
    assert discovery.discover(script).models[0].hash != hashes[0]
