"""The package as a whole: light to import, its face complete."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

HEAVY = {"torch", "onnxruntime", "onnx", "transformers", "timm", "tensorflow"}


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_imports_next_to_nothing():
    assert not modules_after("import benchlib") & (HEAVY | {"pandas", "pydantic", "scipy", "numpy"})


@pytest.mark.parametrize(
    "module",
    [
        "cli",
        "api",
        "stages",
        "plan.expand",
        "execution.driver",
        "report",
        "doctor",
        "fingerprint",
        "measure.controller",
    ],
)
def test_the_side_of_the_driver_imports_nothing_heavy(module):
    assert not modules_after(f"import benchlib.{module}") & HEAVY


def test_a_worker_starts_with_standard_library_and_numpy_alone():
    foreign = {"pydantic", "scipy", "pandas", "psutil", "ruamel", "typer", "IPython"}
    start = "from benchlib import models, registries\nfrom benchlib.worker import service\nservice.know_all_verbs()"
    assert not modules_after(start) & (HEAVY | foreign)


def test_every_name_of_the_face_exists():
    import benchlib

    for name in benchlib.__all__:
        assert callable(getattr(benchlib, name))
    with pytest.raises(AttributeError):
        _ = benchlib.no_such_name
