"""A model that a script changes between two of its calls, and calls that are none."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from benchlib import discovery
from benchlib.discovery import changes

pytestmark = pytest.mark.process

CHANGED = """
from types import SimpleNamespace
import torch
from torch import nn
from torch.ao.quantization import quantize_dynamic
from torch.nn.utils import prune

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.merged, self.calls = nn.Linear(8, 8), False, 0
        self.drop, self.config = nn.Dropout(0.5), SimpleNamespace(twice=False, inner={"width": 8})

    def forward(self, x, steps=1):
        self.calls += 1
        for _ in range(int(steps)):
            x = self.drop(self.fc(x))
        return x if self.merged else self.fc(x)

def made():
    return Net().eval()

x = torch.ones(2, 8)
replaced, quantized, pruned, merged, halved, loaded, configured, widened = (made() for _ in range(8))
for net in (replaced, quantized, pruned, merged, halved, loaded, configured, widened):
    net(x)
replaced.fc = nn.Linear(8, 5)
replaced.merged = True
quantize_dynamic(quantized, {nn.Linear}, inplace=True)
prune.l1_unstructured(pruned.fc, "weight", 0.5)
merged.merged = True
halved.bfloat16()
loaded.load_state_dict(made().state_dict())
configured.config.twice = True
widened.config.inner["width"] = 9
for net in (replaced, quantized, pruned, merged, loaded, configured, widened):
    net(x)
halved(x.bfloat16())

counted, steered, by_tensor, trained = made(), made(), made(), Net()
for step in range(3):
    counted(x)
steered(x, 1), steered(x, 50), steered(x, 3)
by_tensor(x, torch.tensor(1)), by_tensor(x, torch.tensor(50))
optimizer = torch.optim.SGD(trained.parameters(), 0.1)
for step in range(3):
    trained(x).sum().backward()
    optimizer.step()
trained.eval()(x)
in_part = made()
for epoch in range(20):
    in_part.drop.train()
    in_part(x)
    in_part.eval()(x)

flipped = made()
flipped(x)
for step in range(40):
    flipped.merged = str(step)
    flipped(x)
"""


def test_what_a_script_changes_of_a_model_is_another_or_is_said(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(CHANGED)
    found = discovery.discover(script)
    assert found.ended == ""
    rows = {name: [m for m in found.models if m.name == name] for name in {m.name for m in found.models}}
    assert {name: [m.executed for m in rows[name]] for name in rows if name != "flipped"} == {
        "replaced": [1, 1], "quantized": [1, 1], "pruned": [1, 1], "merged": [1, 1], "halved": [1, 1], "loaded": [2],
        "configured": [1, 1], "widened": [2], "in_part": [20, 20],
        "counted": [3], "steered": [3], "by_tensor": [2], "trained": [4],
    }  # fmt: skip
    for name in ("replaced", "quantized", "pruned", "merged", "halved", "configured", "in_part"):
        assert len({m.hash for m in rows[name]}) == 2
    assert [m.params_size for m in rows["replaced"]] == [72, 45]
    assert [m.dtype for m in rows["halved"]] == ["float32", "bfloat16"]
    assert len(rows["flipped"]) == 16 and sum(m.executed for m in rows["flipped"]) == 41
    assert found.remarks == [
        "Its weights were changed between calls of loaded: it is as it was at the first",
        "Numbers that it holds were changed between calls of widened: it is as it was at the first",
        "steered was also called with other values of steps: its row is of 1",
        "by_tensor was also called with other values of steps: its row is of 1",
        "flipped is changed between its calls again and again: its last row is of all",
    ]


def test_the_changed_model_can_be_taken(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(CHANGED)
    second = [m for m in discovery.discover(script).models if m.name == "replaced"][1]
    discovery.take(script, [], 0, second.hash, tmp_path)
    assert (tmp_path / "model.pt").exists()


FAILS = """
import torch

class Parent(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.other = torch.nn.Linear(3, 3), torch.nn.Linear(4, 4)

    def forward(self, x):
        try:
            return self.other(x)
        except RuntimeError:
            return self.fc(x)

net, sometimes, parent = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3), Parent()
for width in (4, 4, 3):
    try:
        net(torch.ones(2, width))
    except RuntimeError:
        pass
sometimes.register_forward_hook(lambda module, args, out: 1 / (args[0].sum().item() - 6))
for fill in (1, 2):
    try:
        sometimes(torch.full((2, 3), fill))
    except (RuntimeError, ZeroDivisionError):
        pass
    try:
        sometimes(torch.full((2, 3), float(fill)))
    except ZeroDivisionError:
        pass
parent(torch.ones(2, 3))
"""


def test_a_call_that_raises_an_error_is_none(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(FAILS)
    found = discovery.discover(script, max_depth=1)
    assert found.ended == ""
    assert [(m.name, m.inputs, m.executed) for m in found.models] == [
        ("net", "input: float32[2×3]", 1),
        ("sometimes", "input: float32[2×3]", 1),
        ("parent", "x: float32[2×3]", 1),
        ("fc", "input: float32[2×3]", 1),
    ]
    assert [remark.partition(" raised")[0] for remark in found.remarks] == ["net", "sometimes", "other"]


SCRIPTED = """
import torch

class Net(torch.nn.Module):
    def forward(s, x, y):
        return x + y

net = torch.jit.script(Net())
net(torch.ones(2), torch.ones(3, 1))
"""


def test_the_inputs_of_a_scripted_module_have_their_names_whatever_it_calls_itself(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(SCRIPTED)
    assert [m.inputs for m in discovery.discover(script).models] == ["x: float32[2], y: float32[3×1]"]


def net() -> nn.Module:
    made = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval()
    made.switch, made.number, made.note = False, 1, None
    made.config = SimpleNamespace(width=8, inner={"twice": False, "names": ("a", None)})
    return made


def test_a_state_differs_in_what_was_changed_and_in_nothing_else():
    def halve(model: nn.Module) -> None:
        model.half()

    def hook(model: nn.Module) -> None:
        model[0].register_forward_hook(lambda *args: None)

    def switch(model: nn.Module) -> None:
        model.switch = True

    def replace(model: nn.Module) -> None:
        model[1] = nn.Identity()

    def own_forward(model: nn.Module) -> None:
        model.forward = lambda x: x

    def configure(model: nn.Module) -> None:
        model.config.inner["twice"] = True

    def in_part(model: nn.Module) -> None:
        model.train()[0].eval()

    for change in (halve, hook, switch, replace, own_forward, configure, in_part):
        model = net()
        before = changes.state_of(model)
        assert changes.state_of(model) == before
        change(model)
        assert changes.state_of(model).structure != before.structure, change


def test_written_weights_and_numbers_are_said_and_training_is_not():
    model = net()
    before = changes.state_of(model)
    model.number = 2
    assert changes.words(before, changes.state_of(model)) == "numbers that it holds were"
    model.number = 1
    with torch.no_grad():
        model[0].weight.zero_()
    after = changes.state_of(model)
    assert after.structure == before.structure and changes.words(before, after) == "its weights were"
    assert changes.words(before, changes.state_of(model.train())) == ""
    first = changes.state_of(net())
    model = net()
    model[0].weight.data = torch.ones(2, 2)
    assert changes.words(first, changes.state_of(model)) == "its weights were"


def test_what_holds_more_than_values_is_no_configuration():
    model, trainer = net(), SimpleNamespace(state="fit", loops=[object()])
    model.trainer = trainer
    before = changes.state_of(model)
    trainer.state = "validate"
    assert changes.state_of(model) == before
    trainer.loops = []
    assert changes.state_of(model) != before


def test_numbers_are_those_that_steer():
    given = {"n": 2, "x": torch.ones(2), "t": torch.tensor(5), "flag": True, "far": torch.ones((), device="meta")}
    assert changes.numbers_of(given) == {"n": 2, "t": 5}
