"""What is pickled with its code, so that another process can open it."""

import copyreg
import pickle
import sys

import cloudpickle
import pytest
import torch

from benchlib.by_value import by_value

SCRIPT = """
import torch

class Net(torch.nn.Module):
    def forward(self, x):
        return torch.ops.aten.mul(x, 3) + torch.ops.aten.add.Tensor(x, 1)
"""


def test_a_class_of_a_script_that_names_torch_ops_can_be_saved(monkeypatch):
    """They are a module of a class of torch's own, of which cloudpickle knows nothing."""
    space = {"__name__": "__main__"}
    exec(SCRIPT, space)
    monkeypatch.setitem(sys.modules["__main__"].__dict__, "Net", space["Net"])
    before = dict(copyreg.dispatch_table)
    with pytest.raises(TypeError, match="_Ops"):
        cloudpickle.dumps(space["Net"]())
    with by_value():
        saved = cloudpickle.dumps(space["Net"]())
    assert copyreg.dispatch_table == before
    assert pickle.loads(saved)(torch.ones(2)).tolist() == [5.0, 5.0]
