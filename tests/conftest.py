"""What the tests of several rooms share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import benchlib  # noqa: F401  (before a test's module imports onnxruntime: its telemetry is off then)

ROOT = Path(__file__).parent.parent
PLANTED = ROOT / "tests" / "planted"

# The planted plug-ins are announced by entry points beside them, here and in every process that tests start;
# what tests cache and what Jupyter writes goes to a folder of its own.
sys.path.insert(0, str(PLANTED))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PLANTED), os.environ.get("PYTHONPATH", "")]))
_PRIVATE = tempfile.mkdtemp(prefix="benchlib-tests-")
os.environ["BENCHLIB_CACHE"] = f"{_PRIVATE}/cache"
os.environ["JUPYTER_CONFIG_DIR"] = f"{_PRIVATE}/jupyter"
os.environ["JUPYTER_RUNTIME_DIR"] = f"{_PRIVATE}/runtime"
os.environ["IPYTHONDIR"] = f"{_PRIVATE}/ipython"

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


@pytest.fixture(scope="session")
def browser():
    """A real Chromium, driven by Playwright. Without one the test is skipped; with `CI` set it fails."""
    reason = _missing()
    if reason and os.environ.get("CI"):
        pytest.fail(f"CI is set, so the browser tests have to run: {reason}")
    if reason:
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    arguments = [
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
    ]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session", autouse=True)
def _private_folder_goes():
    yield
    shutil.rmtree(_PRIVATE, ignore_errors=True)


@pytest.fixture
def command(tmp_path):
    """Runs `python -m benchlib …` in a folder of the test's own."""

    def run(*words: str, expect: int = 0, **options) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [sys.executable, "-m", "benchlib", *words], cwd=tmp_path, capture_output=True, text=True, **options
        )
        assert done.returncode == expect, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


def _missing() -> str | None:
    if not os.access(CHROMIUM, os.X_OK):
        return f"there is no browser at {CHROMIUM}"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "the package playwright is not installed"
    return None
