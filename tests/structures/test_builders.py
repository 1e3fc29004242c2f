"""What makes objects again opens where neither benchlib nor torch is."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchlib import tensors
from tests import given_classes as given
from tests.structures.values import X


@pytest.mark.process
def test_a_process_without_torch_passes_objects_on(tmp_path):
    """It sees their parts in dicts, and imports none of their classes."""
    tensors.save(tmp_path / "x.npz", {"batch": given.Batch(X, [X]), "state": given.State(X, 2), "none": {1, 2}})
    code = (
        "import sys; from benchlib import tensors\n"
        f"arrays, structure = tensors.load({str(tmp_path / 'x.npz')!r})\n"
        "plain = tensors.plain(structure, arrays)\n"
        "assert list(plain['batch']) == ['x', 'weight', 'scale']\n"
        "assert plain['state']['c'] == 2 and plain['none'] is None\n"
        f"tensors.save_flat({str(tmp_path / 'y.npz')!r}, arrays, structure)\n"
        "assert not {'torch', 'tests'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    arrays, structure = tensors.load(tmp_path / "y.npz")
    back = tensors.as_given(structure, arrays)
    assert (
        type(back["batch"]) is given.Batch
        and back["state"] == given.State(back["state"].h, 2)
        and back["none"] == {1, 2}
    )


@pytest.mark.process
def test_builders_open_without_benchlib(tmp_path):
    """As the proof of a row opens them."""
    _, structure = tensors.flatten({"a": given.Batch(X, X), "s": torch.eye(2).to_sparse()})
    (tmp_path / "b").write_bytes(structure.dumped())
    code = (
        "import pickle, sys, torch\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "import tests.given_classes\n"
        f"make = pickle.load(open({str(tmp_path / 'b')!r}, 'rb'))\n"
        "assert make[0]({'x': 1, 'weight': 2, 'scale': 3}).weight == 2\n"
        "assert not any(name.startswith('benchlib') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
