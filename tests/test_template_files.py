"""Where results go that nobody named a folder for."""

from pathlib import Path

from benchlib import template_files


def test_a_kernel_inside_the_checkout_writes_to_the_outputs_of_the_checkout(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(template_files, "CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path / "notebooks")
    assert template_files.outputs() == tmp_path / "outputs"
    monkeypatch.chdir(tmp_path)
    assert template_files.outputs() == Path("outputs")


def test_elsewhere_they_go_to_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert template_files.outputs() == Path("outputs")
    monkeypatch.setattr(template_files, "CHECKOUT", None)  # of a package there is none
    assert template_files.outputs() == Path("outputs")


def test_the_notebooks_of_a_checkout_stand_beside_the_library():
    assert {path.name for path in template_files.FOLDER.glob("*.ipynb")} == {"trial.ipynb", "analysis.ipynb"}
