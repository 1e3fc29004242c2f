"""No file of a registry imports a heavy package before one of its functions is called."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

CODE = """
import sys

HEAVY = set("openvino torch onnx onnxruntime onnxscript transformers timm huggingface_hub safetensors".split())

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocker())
from benchlib.registries import exporters, passes, runtimes, sources

for registry in (sources, exporters, passes, runtimes):
    for name in registry.names():
        plugin = registry.get(name)
        assert plugin.name == name, (name, plugin.name)
        assert plugin.summary and isinstance(plugin.packages, tuple)
        print(registry.kind, name)
for suite in (s for s in map(sources.get, sources.names()) if s.catalogue):
    assert all(row["name"] for row in suite.catalogue())
"""


def test_registry_files_import_with_heavy_packages_blocked():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    for line in ("source hub", "source onnx_file", "source python", "exporter script", "runtime onnxruntime"):
        assert line in lines
