"""What one digest stands for: the same wherever and however often an object is made, another after each edit."""

import datetime
import functools
import linecache
import math
import operator
import os
import subprocess
import sys
import threading
import time
import types
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from benchlib.discovery.forwards import Forwards
from benchlib.models._content import digest


class Config:
    def __init__(self, depth, eps=1e-5):
        self.depth, self.eps = depth, eps


class Slots:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Net(nn.Module):
    def __init__(self, **held):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        nn.init.ones_(self.fc.weight)
        nn.init.ones_(self.fc.bias)
        for name, value in held.items():
            setattr(self, name, value)

    def forward(self, x):
        return self.fc(x)


class Adds:
    def __init__(self, number):
        self.number = number

    def add(self, x):
        return x + self.number


def scaled(factor):
    return lambda x: x * factor


def hooked(function):
    net = Net()
    net.fc.register_forward_hook(function)
    return net


def prehooked(with_kwargs):
    net = Net()
    net.register_forward_pre_hook(scaled(1), with_kwargs=with_kwargs)
    return net


def packed(zero_point):
    weight = torch.quantize_per_tensor(torch.ones(4, 4), 0.5, zero_point, torch.qint8)
    return torch.ops.quantized.linear_prepack(weight, None)


def quantised(scale):
    return torch.quantize_per_channel(torch.ones(2, 2), torch.full((2,), scale), torch.zeros(2), 0, torch.qint8)


def scripted(number):
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(number))
    nn.init.ones_(net[0].weight)
    nn.init.ones_(net[0].bias)
    return torch.jit.script(net)


def weighted(position):
    net = Net()
    with torch.no_grad():
        net.fc.weight[position, 0] = 7
    return net


def attention(implementation):
    from transformers import BertConfig

    return Net(config=BertConfig(attn_implementation=implementation))


def with_globals(**names):
    """A function that reads globals, and a module of the user's among them."""
    code = "def forward(self, x):\n    return self.fc(x) * FACTOR + constants.SHIFT + helper(x)\n"
    constants = types.ModuleType("constants")
    constants.__file__ = "/nowhere/constants.py"
    constants.SHIFT = names.pop("SHIFT", 1)
    space = {"FACTOR": 2, "constants": constants, "helper": scaled(3), "unread": object(), **names}
    exec(code, space)
    return space["forward"]


def in_lines(blank):
    """One function, further down in another file."""
    space = {}
    source = "\n" * blank + "def f(x):\n    'What it is for.'\n    return [v for v in x if v in {'a', 'b', 'c'}]\n"
    exec(compile(source.replace("for.", f"for {blank}."), f"<cell {blank}>", "exec"), space)
    return space["f"]


EDITS = {  # each of two makers of what computes otherwise
    "closure": (lambda: scaled(2), lambda: scaled(3)),
    "partial": (lambda: functools.partial(torch.add, 1), lambda: functools.partial(torch.add, 2)),
    "partial by name": (lambda: functools.partial(torch.sum, dim=0), lambda: functools.partial(torch.sum, dim=1)),
    "builtin": (lambda: torch.relu, lambda: torch.tanh),
    "builtin of Python": (lambda: math.tanh, lambda: math.sinh),
    "builtin method": (lambda: [1].count, lambda: [2].count),
    "bound argument": (lambda: Adds(1).add, lambda: Adds(2).add),
    "default": (lambda: lambda x, y=1: x + y, lambda: lambda x, y=2: x + y),
    "constant": (lambda: lambda x: x + 1, lambda: lambda x: x + 2),
    "constant of another type": (lambda: lambda x: x + 1, lambda: lambda x: x + 1.0),
    "negative zero": (lambda: lambda x: x + 0.0, lambda: lambda x: x + -0.0),
    "name": (lambda: lambda x: x.sin(), lambda: lambda x: x.cos()),
    "operator": (lambda: operator.itemgetter(0), lambda: operator.itemgetter(1)),
    "cached function": (lambda: functools.cache(scaled(2)), lambda: functools.cache(scaled(3))),
    "ufunc": (lambda: np.sin, lambda: np.cos),
    "global": (with_globals, lambda: with_globals(FACTOR=3)),
    "constant of a module": (with_globals, lambda: with_globals(SHIFT=2)),
    "function of a module": (with_globals, lambda: with_globals(helper=scaled(4))),
    "config": (lambda: Net(cfg=Config(1)), lambda: Net(cfg=Config(200))),
    "float of a config": (lambda: Net(cfg=Config(1, 1e-5)), lambda: Net(cfg=Config(1, 1e-3))),
    "slots": (lambda: Slots(1), lambda: Slots(2)),
    "dict": (lambda: OrderedDict(a=1), lambda: OrderedDict(a=2)),
    "set": (lambda: {"a", "b"}, lambda: {"a", "c"}),
    "list against tuple": (lambda: [1, 2], lambda: (1, 2)),
    "nesting": (lambda: [[1], 2], lambda: [[1, 2]]),
    "hook": (lambda: hooked(scaled(1)), lambda: hooked(scaled(2))),
    "no hook": (lambda: hooked(scaled(1)), Net),
    "hook with kwargs": (lambda: prehooked(False), lambda: prehooked(True)),
    "attribute": (lambda: Net(act=torch.relu), lambda: Net(act=torch.tanh)),
    "forward": (lambda: Net(forward=scaled(1)), lambda: Net(forward=scaled(2))),
    "attention": (lambda: attention("eager"), lambda: attention("sdpa")),
    "weight": (Net, lambda: weighted(0)),
    "another weight": (lambda: weighted(0), lambda: weighted(1)),
    "dtype": (lambda: torch.zeros(2), lambda: torch.zeros(2, dtype=torch.int32)),
    "strides": (lambda: torch.ones(1, 2, 3, 3), lambda: torch.ones(1, 2, 3, 3).to(memory_format=torch.channels_last)),
    "complex": (lambda: torch.ones(2, dtype=torch.complex64), lambda: torch.zeros(2, dtype=torch.complex64)),
    "sparse": (lambda: torch.eye(2).to_sparse(), lambda: torch.ones(2, 2).to_sparse()),
    "scale of quantised weights": (lambda: quantised(0.5), lambda: quantised(0.25)),
    "packed weights": (lambda: packed(0), lambda: packed(1)),
    "array": (lambda: np.ones(3), lambda: np.zeros(3)),
    "array of objects": (lambda: np.array([1, "a"], object), lambda: np.array([2, "a"], object)),
    "script module": (lambda: scripted(0.1), lambda: scripted(0.2)),
    "generator": (lambda: torch.Generator().manual_seed(1), lambda: torch.Generator().manual_seed(2)),
    "class": (lambda: type("Net", (), {"width": 1}), lambda: type("Net", (), {"width": 2})),
    "method of a class": (lambda: type("Net", (), {"f": scaled(1)}), lambda: type("Net", (), {"f": scaled(2)})),
    "base of a class": (lambda: type("Net", (dict,), {}), lambda: type("Net", (list,), {})),
    "dtype object": (lambda: torch.float16, lambda: torch.bfloat16),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_makes_another_and_undoing_it_the_same(edit):
    before, after = EDITS[edit]
    assert digest(before()) == digest(before())
    assert digest(after()) == digest(after()) != digest(before())


def test_edits_of_one_object_and_their_undoing():
    net = Net(cfg=Config(1))
    first = digest(net)
    net.cfg.depth = 2
    handle = net.register_forward_hook(scaled(1))
    assert digest(net) != first
    net.cfg.depth = 1
    assert digest(net) != first
    handle.remove()
    assert digest(net) == first
    net.extra, net.cfg.extra = 1, 2
    del net.extra, net.cfg.extra
    assert digest(net.train()) == digest(net.eval()) == first


def test_where_code_stands_says_nothing():
    assert digest(in_lines(0)) == digest(in_lines(7))


def test_what_tells_the_moment_of_a_run_says_nothing():
    assert digest(Net(made=time.time())) == digest(Net(made=time.time()))
    assert digest([time.time_ns()]) == digest([time.time_ns()])
    assert digest(datetime.datetime.now()) == digest(datetime.datetime.now())
    assert digest(1.5e9) != digest(1.4e9)


def test_without_values_weights_are_alike_and_configurations_are_not():
    alike = functools.partial(digest, values=False)
    assert alike(Net()) == alike(weighted(0)) != alike(Net(cfg=Config(1)))
    assert alike(torch.ones(2)) != alike(torch.ones(3))
    assert alike(Net(cfg=Config(1))) != alike(Net(cfg=Config(2)))


def test_large_tensors_are_sampled_and_their_ends_count():
    large = torch.zeros(20 << 20)
    first = digest(large)
    large[-1] = 1
    assert digest(large) != first
    array = large.numpy()
    second = digest(array)
    array[0] = 1
    assert digest(array) != second


def test_objects_that_hold_each_other_or_answer_nothing_end():
    class Node:
        def __init__(self):
            self.others, self.lock = set(), threading.Lock()

    class Proxy:
        @property
        def __class__(self):
            raise RuntimeError("outside of a request")

        def __getattr__(self, name):
            raise RuntimeError("outside of a request")

    one, two = Node(), Node()
    one.others, two.others = {two}, {one}
    deep = functools.reduce(lambda inner, _: [inner], range(5000), [])
    assert digest(one) == digest(two)
    assert digest(deep) != digest([deep])
    assert digest(Proxy()) == digest(Proxy())


CELL = """
import functools, torch
from torch import nn
from benchlib.discovery.forwards import Forwards
from benchlib.models._content import digest

class Options:
    def __init__(self, **values):
        self.__dict__.update(values)

def build():
    NAMES = {"query", "key", "value", "output"}

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(4, 4)
            self.names = {name: len(name) for name in sorted(NAMES)}
            self.kinds, self.act = set(NAMES), functools.partial(torch.clamp, min=0)
            self.options = Options(depth=2, heads=(1, 2), kinds=frozenset(NAMES))

        def forward(self, x):
            return self.act(self.inner(x)) if "query" in {"query", "key"} else x

    torch.manual_seed(0)
    return [Net(), Options(_original_object_hash=hash("as transformers keeps it"), depth=1)]

print(digest(build()))
"""


@pytest.mark.process
def test_one_cell_has_one_digest_in_three_processes_whatever_their_hashes_and_if_it_is_run_twice():
    twice = CELL + CELL
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(partial(executed, twice), ("0", "1", "random")))
    assert not any(run.returncode for run in found), found[0].stderr
    assert len({line for run in found for line in run.stdout.split()}) == 1


def executed(code, seed):
    command, environment = [sys.executable, "-W", "ignore", "-c", code], {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_script_module_is_told_by_no_line_of_its_source():
    def made(blank):
        space = {"torch": torch, "__name__": __name__}
        source = "\n" * blank + "def f(x: torch.Tensor):\n    return x + 1\n"
        name = f"<cell {blank}>"
        linecache.cache[name] = len(source), None, source.splitlines(True), name
        exec(compile(source, name, "exec"), space)
        return torch.jit.script(space["f"])

    assert digest(made(0)) == digest(made(5))


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(1, 3)]),
        lambda: torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(1, 3)], layout=torch.jagged),
        lambda: torch.eye(3).to_sparse(),
        lambda: torch.eye(3).to_sparse_csr(),
    ],
    ids=["nested", "jagged", "sparse", "compressed"],
)
def test_tensors_that_are_no_dense_ones_are_told_by_what_they_are_made_of(make):
    first, second = make(), make()
    assert digest(first) == digest(second) != digest(first * 2)


def test_a_function_whose_calls_are_watched_is_the_one_that_was_written():
    def forward(x, scale=2):
        return x * scale

    forward.note = "of the user"
    before, forwards = digest(forward), Forwards()
    forwards.exchange(forward)
    assert digest(forward) != before == digest(forward, as_written=forwards.as_written)


NAMES = """
def soft(x):
    return x * 2

def by_name(name):
    return globals()[name]

def evaluated(x):
    return eval("soft(x)")
"""


def test_an_attribute_of_such_a_name_reads_nothing_else():
    """`module.eval()` is no `eval`: what else stands in the module says nothing."""

    def made(other):
        space = {"__name__": "names"}
        exec(f"OTHER = {other}\ndef called(module):\n    return vars_of.eval(module.globals)\nvars_of = None", space)
        return digest(Net(held=space["called"]))

    assert made(1) == made(2)


@pytest.mark.parametrize("held", ["by_name", "evaluated"])
def test_what_code_reads_of_its_module_without_naming_it_counts(held, tmp_path):
    def made(text):
        space = {"__name__": "names"}
        exec(compile(text, str(tmp_path / "names.py"), "exec"), space)
        return digest(Net(held=space[held]))

    was = made(NAMES)
    assert made(NAMES) == was == made(f"{NAMES}# a remark\n")
    assert made(NAMES.replace("x * 2", "x * 5")) != was
