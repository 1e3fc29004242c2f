"""The package as it is published: a wheel that works in an empty folder, with the notebooks of the checkout in it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("benchlib-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder with what the wheel holds and nothing else, for the search path."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def run(installed, tmp_path):
    """Runs Python in an empty folder, with the library of the wheel."""
    folder = tmp_path / "empty"
    folder.mkdir()
    path = os.pathsep.join([str(installed), str(ROOT / "tests" / "planted")])

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


def test_it_brings_the_notebooks_of_the_checkout_byte_by_byte(installed):
    templates = installed / "benchlib" / "templates"
    sources = [ROOT / "notebooks" / name for name in ("trial.ipynb", "analysis.ipynb")]
    sources += list((ROOT / "notebooks" / "report").iterdir())
    brought = {path.relative_to(templates) for path in templates.rglob("*") if path.is_file()}
    assert brought == {path.relative_to(ROOT / "notebooks") for path in sources}
    for path in sources:
        assert (templates / path.relative_to(ROOT / "notebooks")).read_bytes() == path.read_bytes()
    assert not (ROOT / "benchlib" / "templates").exists()


def test_a_checkout_that_is_installed_has_no_second_file(tmp_path):
    build = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (built,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        assert {Path(name).suffix for name in archive.namelist()} <= {".pth", "", ".txt"}


def test_it_holds_the_library_and_nothing_beside_it(installed):
    (info,) = installed.glob("benchlib-*.dist-info")
    assert {path.name for path in installed.iterdir()} == {"benchlib", info.name}
    assert (info / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    told = (info / "METADATA").read_text()
    assert "License-Expression: Apache-2.0" in told and "Author: the benchlib authors" in told
    for package in ("papermill", "jupyterlab", "nbconvert", "torch", "onnx", "onnxruntime", "transformers", "seaborn",
                    "pandas"):  # fmt: skip
        assert f"\nRequires-Dist: {package}" in told
    checkout = {path.relative_to(ROOT) for path in (ROOT / "benchlib").rglob("*") if path.is_file()}
    missing = {path for path in checkout if "__pycache__" not in path.parts and not (installed / path).exists()}
    assert not missing


def test_a_trial_runs_and_is_reported_in_an_empty_folder(run, installed, tmp_path):
    told = run("-m", "benchlib", "run", "explicit/mlp", "--exporter", "eager,script", "--level", "smoke", "--records")
    assert told.count(":status,ok;") == 2
    assert run("-c", "import benchlib; print(benchlib.__file__)").startswith(str(installed))
    run("-m", "benchlib", "report", "outputs/run")
    assert (tmp_path / "empty" / "outputs" / "run" / "report.html").exists()


def test_a_copied_template_runs_by_itself(run, installed, tmp_path):
    source = installed / "benchlib" / "templates" / "trial.ipynb"
    (tmp_path / "empty" / "mine.ipynb").write_bytes(source.read_bytes())
    run("-m", "papermill", "mine.ipynb", "by_papermill.ipynb", "-p", "model", "explicit/mlp", "-p", "level", "smoke")
    run("-m", "nbconvert", "--execute", "--to", "html", "by_papermill.ipynb")
    page = (tmp_path / "empty" / "by_papermill.html").read_text()
    assert "computes the same as eager" in page and "Traceback" not in page
