from pathlib import Path

import pytest

from benchlib.fingerprint import difference, fingerprint, tree_hash
from benchlib.trial import Trial


def test_comments_and_docstrings_do_not_count(tmp_path):
    bodies = ['"""One."""\ndef f(x):\n    "Doc."\n    return x + 1\n', "# note\ndef f(x):\n    return x + 1  # here\n"]
    files = [tmp_path / f"{i}.py" for i in range(2)]
    for file, body in zip(files, bodies, strict=True):
        file.write_text(body)
    assert tree_hash(files[0]) == tree_hash(files[1])
    other = tmp_path / "other.py"
    other.write_text("def f(x):\n    return x + 2\n")
    assert tree_hash(other) != tree_hash(files[0])


def test_only_the_files_that_touch_the_figures_count():
    code = fingerprint(Trial(model="explicit/mlp", exporter="script"))["code"]
    assert {"exporters/script.py", "exporters/eager.py", "exporters/_flat.py", "runtimes/onnxruntime.py"} <= set(code)
    assert {"models/explicit.py", "measure/statistics.py", "worker/verbs.py"} <= set(code)
    assert "measure/runoff.py" not in code
    assert not any(f.startswith(("report/", "execution/", "cli")) or "onnx_dynamo" in f or "timm" in f for f in code)


def test_the_first_difference_is_named():
    one = {"packages": {"torch": "2.14"}, "code": {"exporters/script.py": "a"}}
    assert difference(one, one) is None
    assert difference(one, {**one, "packages": {"torch": "2.15"}}) == "packages: torch 2.14 -> 2.15"
    assert difference(one, {**one, "code": {"exporters/script.py": "b"}}) == "code: exporters/script.py changed"


def test_a_variable_that_steers_a_runtime_counts(monkeypatch):
    trial = Trial(model="planted/plain", exporter="planted", reference={"exporter": "planted"})
    before = fingerprint(trial)
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    assert "OMP_WAIT_POLICY" in difference(before, fingerprint(trial))


@pytest.mark.parametrize("name", ["trial.ipynb"])
def test_the_template_counts_without_its_parameters(name):
    template = fingerprint(Trial(model="planted/plain", exporter="planted"))["template"]
    assert set(template) == {name}
    assert Path(__file__).parent.parent.joinpath("notebooks", name).exists()
