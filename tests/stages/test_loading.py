"""What the cache holds of a model."""

from pathlib import Path

import pytest

from benchlib.record.metadata import InputSet, SavedModel
from benchlib.stages.loading import Model


def model(*origins, calibration=()):
    sets = {n: InputSet(f"hash {n}", origin) for n, origin in enumerate(origins, 1)}
    metadata = SavedModel((), {}, sets, "hash", calibration=[*calibration])
    return Model(Path("folder"), "", {"parameters": {}}, metadata, True)


@pytest.mark.parametrize(
    ("origins", "compared", "rotated"),
    [
        (["drawn"] * 4 + ["moved"] * 2, [1, 2, 5, 6], [1, 2, 3, 4]),
        (["permuted"] * 3 + ["moved"], [1, 2, 4], [1, 2, 3]),
        (["given"] * 4 + ["permuted"] * 3 + ["moved"], [1, 2, 3, 4, 5, 6, 8], [1, 2, 3, 4, 5, 6, 7]),
        ([], [], []),
    ],
)
def test_given_and_moved_sets_are_all_compared_and_of_drawn_and_permuted_ones_two(origins, compared, rotated):
    found = model(*origins)
    assert list(found.compared_sets) == compared
    assert found.rotated_sets == {Path(f"folder/inputs-{n}.npz"): f"hash {n}" for n in rotated}
    assert list(found.input_sets) == list(range(1, len(origins) + 1))


def test_sets_to_calibrate_on_are_files_of_their_own():
    found = model("drawn", "moved", calibration=["a", "b"])
    assert found.calibration_sets == [Path("folder/calibrate-1.npz"), Path("folder/calibrate-2.npz")]
    assert set(found.calibration_sets).isdisjoint([found.inputs, *found.input_sets.values()])
