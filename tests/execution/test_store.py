"""The folder of a study: which notebook of a trial counts, and whose files are left alone."""

from pathlib import Path

import pytest

from benchlib.errors import UserError
from benchlib.execution import store
from benchlib.record import Record


@pytest.mark.parametrize("planned", ["alpha", "zeta"])
def test_of_two_notebooks_of_one_trial_the_one_that_is_called_as_planned_counts(planned):
    """A label is in a notebook's name and not in the key."""
    records = {Path(f"{name}.ipynb"): Record("k", name, "ok", {}) for name in ("alpha", "zeta")}
    assert store.by_key(records, {"k": planned})["k"].name == planned
    assert set(store.by_key(records, {})) == {"k"}


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path):
    victim = tmp_path / "thesis.tex"
    victim.write_text("ten years of work")
    folder = tmp_path / "outputs"
    folder.mkdir()
    (folder / ".lock").symlink_to(victim)
    with pytest.raises(UserError, match="cannot be written"), store.opened(folder):
        pass
    assert victim.read_text() == "ten years of work"


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"file/run cannot be made \(Not a directory\)"),
        store.opened(tmp_path / "file" / "run"),
    ):
        pass
