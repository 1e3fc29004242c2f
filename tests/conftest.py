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
from benchlib.remembered import forget

ROOT = Path(__file__).parent.parent
PLANTED = ROOT / "tests" / "planted"

# The planted plug-ins are announced by entry points beside them, here and in every process that tests start;
# what tests cache and what Jupyter writes goes to a folder of its own.
sys.path.insert(0, str(PLANTED))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PLANTED), os.environ.get("PYTHONPATH", "")]))
_PRIVATE = tempfile.mkdtemp(prefix="benchlib-tests-")
os.environ["BENCHLIB_CACHE"] = f"{_PRIVATE}/cache"
os.environ["BENCHLIB_WAIT_FOR_QUIET"] = "0"  # tests run beside each other …
os.environ["BENCHLIB_LOCKS"] = _PRIVATE  # … and so do their trials: only tests that run alone ask how exact samples are
os.environ["BENCHLIB_PLANTED_HOST"] = "quiet"  # … and no verdict of a planted trial is lost by it
os.environ["JUPYTER_CONFIG_DIR"] = f"{_PRIVATE}/jupyter"
os.environ["JUPYTER_RUNTIME_DIR"] = f"{_PRIVATE}/runtime"
os.environ["IPYTHONDIR"] = f"{_PRIVATE}/ipython"

# What Python tells its audit hooks of before it starts a process.
_STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "pty.spawn"}
_ASKED = {"ldconfig", "uname"}  # by the standard library, of the system: no affair of a test
_started: list[str] = []

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


# The longest files first, so that no worker of `make test` is left with one at the end.
_LONGEST = (
    "execution/test_wrong_ways.py", "execution/test_mutants.py", "exporters/test_dynamic.py",
    "execution/test_faults.py", "exporters/test_exporters.py", "execution/test_building.py",
    "models/test_huggingface.py", "execution/test_runoff.py", "report/test_browser.py", "execution/test_resume.py",
    "exporters/test_run_by_torch.py", "report/test_reviewer.py", "passes/test_passes.py", "test_bench.py",
    "models/test_vision.py", "execution/test_footprint.py", "models/test_script.py", "test_jupyterlab.py",
    "models/test_python.py", "test_notebooks.py", "test_api.py", "report/test_publish.py", "test_cli.py",
    "discovery/test_finding.py", "discovery/test_shapes.py",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    place = {ROOT / "tests" / name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_addoption(parser):
    parser.addoption("--no-processes", action="store_true", help="a test that starts a process fails (`make check`)")


def pytest_configure(config):
    distributes = config.getoption("dist", "no") != "no"  # xdist's controller starts the processes that run the tests
    if config.getoption("--no-processes") and not distributes:
        import matplotlib.font_manager  # noqa: F401 (on a machine without its cache of fonts it starts fc-list)

        sys.addaudithook(_forbid_processes)


def _forbid_processes(event: str, arguments: tuple) -> None:
    if event not in _STARTS or (arguments and Path(str(arguments[0])).name in _ASKED):
        return
    _started.append(f"{event} {arguments[:2]}")
    raise AssertionError("this test starts a process: give it the marker `process`")


@pytest.fixture(autouse=True)
def _no_process_was_started():
    """Where processes are forbidden, a test fails that wanted one, whatever the code under test made of that."""
    _started.clear()
    yield
    assert not _started, f"this test starts a process: give it the marker `process`; {_started}"


@pytest.fixture(autouse=True)
def _nothing_is_remembered():
    """Each test begins like a plan: what an earlier one looked up may be otherwise now."""
    forget()


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


@pytest.fixture
def main(tmp_path, monkeypatch, capsys):
    """The same within this process, in a fraction of the time: for commands that start no process themselves."""
    from benchlib import cli

    def run(*words: str, expect: int = 0) -> subprocess.CompletedProcess:
        before, status = dict(os.environ), 0
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["benchlib", *words])
            try:
                cli.main()
            except SystemExit as ending:
                status = ending.code or 0
            finally:
                os.environ.clear()  # `--cache-dir` is handed on to processes by a variable
                os.environ.update(before)
        out, err = capsys.readouterr()
        assert status == expect, f"{status}\n{out}\n{err}"
        return subprocess.CompletedProcess(words, status, out, err)

    return run


def _missing() -> str | None:
    if not os.access(CHROMIUM, os.X_OK):
        return f"there is no browser at {CHROMIUM}"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "the package playwright is not installed"
    return None
