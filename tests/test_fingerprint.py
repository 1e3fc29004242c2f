"""What makes a trial run again: each file that decides its figures, and none that only shows."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest

import benchlib
from benchlib import fingerprint as fingerprints
from benchlib.fingerprint import EXCLUDED, EXCLUDED_FROM_ENTRIES, STEPS, TEMPLATE, code_of, difference, fingerprint
from benchlib.mistakes import make
from benchlib.registries import exporters, passes, runtimes, sources
from benchlib.remembered import forget
from benchlib.stages.ground_truth import DECIDING
from benchlib.trial import Trial

ROOT = Path(__file__).parent.parent
SCRIPT = Trial(model="explicit/mlp", exporter="script", opt_patterns="ort")
BUILDING = "benchlib.worker.building"
PLANTED = Trial(model="planted/plain", exporter="planted", reference={"exporter": "planted"})
ONLY_SHOWS = (
    "cli.py", "cli_list.py", "doctor.py", "execution/preview.py", "execution/progress.py", "execution/status.py",
    "fingerprint.py", "mistakes.py", "plan/in_words.py", "plan/listing.py", "plan/schema.py", "record/metrics/time.py",
    "report/collate.py", "report/page.py", "report/plots.py", "report/words.py", "stages/picture.py", "stages/shown.py",
    "stages/views.py",
)  # fmt: skip


@pytest.fixture
def look_again():
    """Forgets what was read; what stands in the files afterwards is what counts."""
    yield forget
    forget()


@pytest.fixture
def library(tmp_path, monkeypatch, look_again):
    """A copy of the library that fingerprints are taken of."""
    copy = tmp_path / "benchlib"
    shutil.copytree(ROOT / "benchlib", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprints, "LIBRARY", copy)
    look_again()
    return copy


def test_an_edit_of_any_file_that_decides_is_named(library, look_again):
    before = fingerprint(SCRIPT)
    assert {"measure/statistics.py", "worker/verbs.py", "stages/assemble.py", "trial.py"} <= set(before["code"])
    for name in before["code"]:
        text = (library / name).read_text()
        (library / name).write_text(f"{text}\n_x = 1\n")
        look_again()
        assert difference(before, fingerprint(SCRIPT)) == f"code: {name} changed"
        (library / name).write_text(text)


def test_edits_of_what_only_shows_of_comments_and_of_docstrings_are_none(library, look_again):
    before = fingerprint(SCRIPT)
    for name in ONLY_SHOWS:
        (library / name).open("a").write("\n_x = 1\n")
    for name in before["code"]:
        text = (library / name).read_text()
        (library / name).write_text(f'# remark\n"""Otherwise. {text.removeprefix(chr(34) * 3)}')
    look_again()
    assert difference(before, fingerprint(SCRIPT)) is None


@pytest.mark.parametrize(
    ("excluded", "starts"),
    [
        (EXCLUDED, fingerprints._starts(fingerprints.plugins_of(SCRIPT))),
        (
            EXCLUDED_FROM_ENTRIES,
            [fingerprints._start(exporters, "script"), *map(fingerprints._module, (BUILDING, *DECIDING))],
        ),
    ],
)
def test_every_exclusion_has_a_reason_and_would_count_without_it(excluded, starts):
    kept = fingerprints._code(starts, excluded)
    for name, reason in excluded.items():
        assert (fingerprints.LIBRARY / name).exists()
        assert reason
        more = set(fingerprints._code(starts, set(excluded) - {name})) - set(kept)
        assert any(file == name or file.startswith(f"{name}/") for file in more), f"nothing needs {name}: no exclusion"


def test_the_steps_are_those_that_the_template_calls():
    cells = json.loads(TEMPLATE.read_text())["cells"]
    assert any("benchlib.begin(" in "".join(c["source"]) for c in cells if c["cell_type"] == "code")
    assert benchlib._FACE["begin"] == STEPS


def test_all_processes_of_a_trial_count():
    code = fingerprint(SCRIPT)["code"]
    assert {"worker/__main__.py", "worker/server.py", "worker/details.py", "discovery/__main__.py"} <= set(code)
    assert {f"worker/{module}.py" for module in fingerprints.MODULES} <= set(code)


def test_of_plugins_those_of_the_trial_count_with_what_they_import():
    code = fingerprint(Trial(model="explicit/mlp", exporter="script"))["code"]
    assert {"exporters/script.py", "exporters/eager.py", "exporters/_flat.py", "runtimes/onnxruntime.py"} <= set(code)
    assert {"models/explicit.py", "runtimes/torch.py"} <= set(code)
    assert "measure/runoff.py" not in code
    assert not any(f.startswith(("report/", "execution/", "cli")) or "onnx_dynamo" in f or "timm" in f for f in code)


def test_an_eager_trial_needs_no_other_exporter():
    code = fingerprint(Trial(model="explicit/mlp", exporter="eager"))["code"]
    plugins = {f"exporters/{name}.py" for name in exporters.names()}
    assert plugins & set(code) == {"exporters/eager.py"}


def test_what_a_cache_entry_depends_on_is_its_plugin_and_what_that_imports():
    code = code_of(exporters, "script", BUILDING)
    assert {"exporters/script.py", "exporters/_flat.py", "tensors.py", "worker/building.py"} <= set(code)
    assert not [f for f in code if f.startswith(("stages/", "measure/", "plan/", "accuracy/"))]
    assert [f for f in code if f.startswith("worker/")] == ["worker/building.py"]
    assert {"passes/_onnx_io.py", "onnx_facts.py"} <= set(code_of(passes, "ort"))
    assert {"models/timm.py", "models/_module.py"} <= set(code_of(sources, "timm"))
    assert "runtimes/_torch_calls.py" in code_of(runtimes, "torch")
    with pytest.raises(ModuleNotFoundError, match=r"benchlib\.worker\.gone"):
        code_of(exporters, "script", "benchlib.worker.gone")


def test_a_file_of_the_users_own_counts_with_those_beside_it(tmp_path, monkeypatch, look_again):
    text = (
        "from benchlib.registry import Exporter\n\ndef export(request):\n    import helper\n\n"
        "mine = Exporter(name='mine', summary='', export=export)\n"
    )
    (tmp_path / "mine.py").write_text(text)
    (tmp_path / "helper.py").write_text("x = 1\n")
    (tmp_path / "tensors.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    trial = make({"model": "explicit/mlp", "exporter": "mine.py:mine"})
    before = fingerprint(trial)
    assert {"./mine.py", "./helper.py", "registry.py", "tensors.py"} <= set(before["code"])
    assert "./tensors.py" not in before["code"]
    for name in ("mine.py", "helper.py"):
        (tmp_path / name).open("a").write("\n_x = 1\n")
        look_again()
        after = fingerprint(trial)
        assert difference(before, after) == f"code: ./{name} changed"
        before = after
    assert "./helper.py" in code_of(exporters, "mine.py:mine")


def test_a_package_of_others_counts_with_its_own_modules():
    code = fingerprint(PLANTED)["code"]
    assert {f"benchlib_planted/{name}.py" for name in ("source", "exporter", "runtime", "faults", "diary")} <= set(code)
    assert "benchlib_planted/faults.py" in code_of(exporters, "planted")


def test_the_version_of_the_library_counts(monkeypatch):
    before = fingerprint(PLANTED)
    monkeypatch.setattr(benchlib, "__version__", "99.0")
    assert difference(before, fingerprint(PLANTED)).endswith("-> 99.0")


def test_the_package_has_the_version_of_the_library():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"] == {"path": "benchlib/__init__.py"}


def test_the_first_difference_is_named():
    one = {"packages": {"torch": "2.14"}, "code": {"exporters/script.py": "a"}}
    assert difference(one, one) is None
    assert difference(one, {**one, "packages": {"torch": "2.15"}}) == "packages: torch 2.14 -> 2.15"
    assert difference(one, {**one, "code": {"exporters/script.py": "b"}}) == "code: exporters/script.py changed"


def test_a_variable_that_steers_a_runtime_counts(monkeypatch):
    trial = Trial(model="planted/plain", exporter="planted", reference={"exporter": "planted"})
    before = fingerprint(trial)
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    forget()
    assert "OMP_WAIT_POLICY" in difference(before, fingerprint(trial))


@pytest.mark.parametrize("name", ["trial.ipynb"])
def test_the_template_counts_without_its_parameters(name):
    template = fingerprint(Trial(model="planted/plain", exporter="planted"))["template"]
    assert set(template) == {name}
    assert Path(__file__).parent.parent.joinpath("notebooks", name).exists()
