"""Pairs of objects for the digest: those that compute otherwise, and those that do not.

`python -m tests.models.content_pairs` says the digests of all of them, so that processes can be held beside each other.
"""

import copy
import dataclasses
import enum
import functools
import json
import linecache
import operator
import threading
import types
import weakref
from collections import OrderedDict, defaultdict, namedtuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchlib.models._content import digest


class Net(nn.Module):
    def __init__(self, **held):
        super().__init__()
        self.fc, self.drop = nn.Linear(4, 4), nn.Dropout(0.5)
        with_ones(self.fc)
        for name, value in held.items():
            setattr(self, name, value)

    def forward(self, x):
        return self.drop(self.fc(x))


class Holds:
    def __init__(self, **held):
        self.__dict__.update(held)


class Attributed:
    """Classes of builtin values that hold an attribute too."""

    class Int(int):
        pass

    class List(list):
        pass

    class Set(set):
        pass

    @staticmethod
    def made(kind, value, **held):
        made = kind(value)
        made.__dict__.update(held)
        return made


class Turned(np.ndarray):
    def __mul__(self, other):
        return self @ other


class Unpicklable:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __reduce_ex__(self, protocol):
        raise TypeError("no")


def with_ones(module):
    for parameter in module.parameters():
        nn.init.ones_(parameter)
    return module


def written(name, source, **names):
    """What a source calls `name`, in a module that nobody can import."""
    exec(source, space := {"__name__": "__main__", "nn": nn, "F": F, "torch": torch, **names})
    return space[name]


def module_of(name, source, **names):
    """A module of the user's."""
    module = types.ModuleType(name)
    module.__file__ = f"/nowhere/{name}.py"
    module.__dict__.update(names)
    exec(source, module.__dict__)
    return module


def class_of(body, head="class C", **names):
    return written("C", f"{head}:\n    {body}\n", **names)


def one_of(body, head="class C", **names):
    """An object of that class."""
    return class_of(body, head, **names)()


def items_of(**names):
    return names.items()


def times(number):
    return lambda *x: x[-1] * number


# -- modes -------------------------------------------------------------------------------------------------------------


def in_training(*parts):
    net = Net().eval()
    for part in parts:
        net.get_submodule(part).training = True
    return net


def graph_in_training(*parts):
    net = with_ones(torch.fx.symbolic_trace(nn.Sequential(nn.Linear(2, 2), nn.Dropout()))).eval()
    for part in parts:
        net.get_submodule(part).training = True
    return net


def scripted(mode, of_dropout):
    net = torch.jit.script(with_ones(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))))
    net.train(mode)
    getattr(net, "1").train(of_dropout)
    return net


# -- code --------------------------------------------------------------------------------------------------------------


def like(function, number, offset):
    """A function that is made to look like one of torch's."""
    if offset:
        return functools.wraps(function)(lambda x: function(x) + number)
    return functools.wraps(function)(lambda x: function(x) * number)


def in_a_package(number):
    """One of two functions that a package makes when it runs."""
    source = "def make():\n    return [lambda x: x + 1, lambda x: x + 2]\n"
    exec(source, space := {"__name__": "torch.nn.functional"})
    return space["make"]()[number]


def default_in_a_package(number):
    source = "def make(k):\n    def f(x, k=k):\n        return x * k\n    return f\n"
    exec(source, space := {"__name__": "torch.nn.functional"})
    return space["make"](number)


def by_helper(number):
    """A function that reads a number in a module that another one imports."""
    inner = module_of("inner", f"NUMBER = {number}")
    outer = module_of("outer", "def helper(x):\n    return x * inner.NUMBER\n", inner=inner)
    return written("f", "def f(x):\n    return outer.helper(x)\n", outer=outer)


def by_getattr(number):
    constants = module_of("constants", f"NUMBER = {number}")
    return written("f", "def f(x):\n    return x * getattr(constants, 'NUMBER')\n", constants=constants)


def importing_each_other(number):
    one, two = module_of("one", f"NUMBER = {number}"), module_of("two", "")
    one.two, two.one = two, one
    return written("f", "def f(x):\n    return x * one.two.one.NUMBER\n", one=one)


def scripted_function(number):
    name = f"<times {number}>"
    source = (
        f"def inner(x: torch.Tensor):\n    return x * {number}\ndef outer(x: torch.Tensor):\n    return inner(x) + 1\n"
    )
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    exec(compile(source, name, "exec"), space := {"torch": torch, "__name__": __name__})
    return torch.jit.script(space["outer"])


def graph_calling(number):
    helper, graph = written("helper", f"def helper(x):\n    return x * {number}\n"), torch.fx.Graph()
    graph.output(graph.call_function(helper, (graph.placeholder("x"),)))
    return torch.fx.GraphModule(nn.Module(), graph)


def graph_reading(value):
    root, graph = nn.Module(), torch.fx.Graph()
    root.held = value
    graph.output(graph.call_function(operator.mul, (graph.placeholder("x"), graph.get_attr("held"))))
    return torch.fx.GraphModule(root, graph)


def differentiated(number):
    head = "class C(torch.autograd.Function)"
    function = class_of(f"forward = staticmethod(lambda ctx, x: x * {number})", head)
    return written("f", "def f(x): return C.apply(x)", C=function)


# -- classes -----------------------------------------------------------------------------------------------------------


def under_one_name(number):
    """An object that is pickled as a name of the user's."""
    source = (
        "class C:\n    def __init__(self, n):\n        self.n = n\n    def __reduce__(self):\n        return 'ONE'\n"
    )
    return written("ONE", f"{source}ONE = C({number})\n")


def enumerated(result, kind="str, enum.Enum", value="'a'"):
    return class_of(f"A = {value}\n    def __call__(self): return {result}", f"class C({kind})", enum=enum).A


def with_metaclass(number):
    meta = class_of(f"def __call__(cls): return {number}", "class C(type)")
    return class_of("pass", "class C(metaclass=meta)", meta=meta)


def dataclass_made(number):
    method = written("f", f"def f(self):\n    return {number}\n")
    return dataclasses.make_dataclass("C", ["a"], namespace={"f": method})(1)


def parametrized(number):
    net = with_ones(nn.Linear(2, 2))
    part = one_of(f"def forward(self, x): return x * {number}", "class C(nn.Module)")
    torch.nn.utils.parametrize.register_parametrization(net, "weight", part)
    return net


def hooked(*hooks, **options):
    net = Net()
    for hook in hooks:
        net.fc.register_forward_hook(hook, **options)
    return net


def tied(is_tied):
    net = Net(second=with_ones(nn.Linear(4, 4)))
    if is_tied:
        net.second.weight = net.fc.weight
    return net


def with_buffer(persistent):
    net = Net()
    net.register_buffer("held", torch.ones(2), persistent=persistent)
    return net


def with_gradients(wanted):
    return Net().requires_grad_(wanted)


def after_a_call(net, times_called=1):
    for _ in range(times_called):
        net(torch.ones(1, 4)).sum().backward()
    return net


def hooked_again():
    net = Net()
    net.fc.register_forward_hook(times(3)).remove()
    net.fc.register_forward_hook(times(1))
    return net


def reference(value):
    held = Holds(value=value)
    return [held, weakref.ref(held)], [weakref.ref(held), held]


DIFFERENT = {
    "one part in training mode": (in_training, lambda: in_training("drop")),
    "all but one part in training mode": (lambda: Net().train(), lambda: in_training("", "fc")),
    "another part in training mode": (lambda: in_training("fc"), lambda: in_training("drop")),
    "the module alone in training mode": (in_training, lambda: in_training("")),
    "a part of a graph in training mode": (graph_in_training, lambda: graph_in_training("1")),
    "a part of a ScriptModule in training mode": (lambda: scripted(False, False), lambda: scripted(False, True)),
    "mode of a module that is no part": (
        lambda: Net(held=[Net().train()]).eval(),
        lambda: Net(held=[Net().eval()]).eval(),
    ),
    "a configuration's training": (lambda: Holds(training=True), lambda: Holds(training=False)),
    "class": (lambda: one_of("K = 1"), lambda: one_of("K = 2")),
    "base": (
        lambda: one_of("pass", "class C(B)", B=class_of("K = 1")),
        lambda: one_of("pass", "class C(B)", B=class_of("K = 2")),
    ),
    "metaclass": (lambda: with_metaclass(1), lambda: with_metaclass(2)),
    "property": (
        lambda: one_of("p = property(lambda self: 1)"),
        lambda: one_of("p = property(lambda self: 2)"),
    ),
    "cached property": (
        lambda: one_of("p = cached(lambda self: 1)", cached=functools.cached_property),
        lambda: one_of("p = cached(lambda self: 2)", cached=functools.cached_property),
    ),
    "class of a package that is made": (lambda: dataclass_made(1), lambda: dataclass_made(2)),
    "parametrization": (lambda: parametrized(1), lambda: parametrized(2)),
    "enum of texts": (lambda: enumerated(1), lambda: enumerated(2)),
    "enum of numbers": (lambda: enumerated(1, "enum.IntEnum", 5), lambda: enumerated(2, "enum.IntEnum", 5)),
    "enum": (lambda: enumerated(1, "enum.Enum", 5), lambda: enumerated(1, "enum.Enum", 6)),
    "attribute of a number": (
        lambda: Attributed.made(Attributed.Int, 1, scale=1),
        lambda: Attributed.made(Attributed.Int, 1, scale=2),
    ),
    "attribute of a set": (
        lambda: Attributed.made(Attributed.Set, "ab", scale=1),
        lambda: Attributed.made(Attributed.Set, "ab", scale=2),
    ),
    "attribute against item": (
        lambda: Attributed.made(Attributed.List, ["a", 1]),
        lambda: Attributed.made(Attributed.List, [], a=1),
    ),
    "fields of a named tuple": (lambda: namedtuple("P", "x y")(1, 2), lambda: namedtuple("P", "y x")(1, 2)),
    "order of a dict": (lambda: OrderedDict(a=1, b=2), lambda: OrderedDict(b=2, a=1)),
    "default of a dict": (lambda: defaultdict(int), lambda: defaultdict(list)),
    "slots of what is not pickled": (lambda: Unpicklable(1), lambda: Unpicklable(2)),
    "pickled as a name": (lambda: under_one_name(1), lambda: under_one_name(2)),
    "view": (lambda: items_of(a=1), lambda: items_of(a=2)),
    "memory": (lambda: memoryview(b"a"), lambda: memoryview(b"b")),
    "cell": (lambda: types.CellType(1), lambda: types.CellType(2)),
    "weak reference": (lambda: reference(1), lambda: reference(2)),
    "one object twice": (lambda: [held := Holds(), held], lambda: [Holds(), Holds()]),
    "module that is held": (
        lambda: Holds(cfg=module_of("cfg", "K = 1")),
        lambda: Holds(cfg=module_of("cfg", "K = 2")),
    ),
    "constant of a helper's module": (lambda: by_helper(1), lambda: by_helper(2)),
    "constant by getattr": (lambda: by_getattr(1), lambda: by_getattr(2)),
    "constant of modules in a circle": (lambda: importing_each_other(1), lambda: importing_each_other(2)),
    "default by keyword": (
        lambda: written("f", "def f(x, *, k=1): return x * k"),
        lambda: written("f", "def f(x, *, k=2): return x * k"),
    ),
    "looks like torch's": (lambda: like(F.relu, 2, True), lambda: like(F.relu, 2, False)),
    "function that a package makes": (lambda: in_a_package(0), lambda: in_a_package(1)),
    "its default": (lambda: default_in_a_package(1), lambda: default_in_a_package(2)),
    "function called by a graph": (lambda: graph_calling(1), lambda: graph_calling(2)),
    "attribute read by a graph": (lambda: graph_reading(1), lambda: graph_reading(2)),
    "function called by a script function": (lambda: scripted_function(1), lambda: scripted_function(2)),
    "order of hooks": (lambda: hooked(times(1), times(2)), lambda: hooked(times(2), times(1))),
    "hook that is always called": (lambda: hooked(times(1)), lambda: hooked(times(1), always_call=True)),
    "tied weights": (lambda: tied(True), lambda: tied(False)),
    "buffer that is not saved": (lambda: with_buffer(True), lambda: with_buffer(False)),
    "function of autograd": (lambda: differentiated(1), lambda: differentiated(2)),
    "list of parameters": (lambda: nn.ParameterList([torch.ones(2)]), lambda: nn.ParameterList([torch.zeros(2)])),
    "name of a part": (lambda: Net(one=nn.ReLU()), lambda: Net(two=nn.ReLU())),
    "order of an array": (lambda: np.ones((2, 3)), lambda: np.ones((2, 3), order="F")),
    "class of an array": (lambda: np.ones(2), lambda: np.ones(2).view(Turned)),
    "mask of an array": (lambda: np.ma.array([1.0, 2], mask=[0, 1]), lambda: np.ma.array([1.0, 2], mask=[1, 0])),
    "fields of objects": (
        lambda: np.array([(1, None)], [("a", "O"), ("b", "O")]),
        lambda: np.array([(1, None)], [("b", "O"), ("a", "O")]),
    ),
    "byte order": (lambda: np.array([1], "<i4"), lambda: np.array([1 << 24], ">i4")),
    "number of numpy": (lambda: np.float64(1), lambda: 1.0),
    "negative zero of numpy": (lambda: np.float32(0.0), lambda: np.float32(-0.0)),
    "limits of a dtype": (lambda: torch.finfo(torch.float16), lambda: torch.finfo(torch.bfloat16)),
    "limits of whole numbers": (lambda: torch.iinfo(torch.int8), lambda: torch.iinfo(torch.int16)),
    "storage": (lambda: torch.ones(2).untyped_storage(), lambda: torch.zeros(2).untyped_storage()),
}
ALIKE = {
    "training or evaluation": (lambda: Net().train(), lambda: Net().eval()),
    "of a graph": (lambda: graph_in_training().train(), graph_in_training),
    "of a ScriptModule": (lambda: scripted(True, True), lambda: scripted(False, False)),
    "with gradients": (lambda: with_gradients(True), lambda: with_gradients(False)),
    "after a call": (Net, lambda: after_a_call(Net())),
    "number of a hook": (lambda: hooked(times(1)), hooked_again),
    "order of attributes": (lambda: Net(a=1, b=2), lambda: Net(b=2, a=1)),
    "order of a set": (lambda: {"a", "b", "c"}, lambda: {"c", "b", "a"}),
    "copy": (lambda: Net(held=[1]), lambda: copy.deepcopy(Net(held=[1]))),
    "lock": (lambda: Holds(lock=threading.Lock()), lambda: Holds(lock=threading.Lock())),
    "not a number": (lambda: float("nan"), lambda: float("nan")),
    "array that is no block": (lambda: np.arange(4.0)[::2], lambda: np.array([0.0, 2.0])),
    "part of a tensor": (lambda: torch.ones(4, 4)[:2], lambda: torch.ones(2, 4)),
}


def main() -> None:
    """Prints the digests of both objects of each pair, made twice."""
    pairs = [*DIFFERENT.items(), *ALIKE.items()]
    print(json.dumps({name: [digest(make()) for make in (*pair, *pair)] for name, pair in pairs}))


if __name__ == "__main__":
    main()
