"""A module that was given as an object is what is run: its dtypes, its modes, its inputs; or a line says what not."""

import contextlib
import functools
import importlib.util
import json
import os
import subprocess
import sys
import threading
import types

import numpy as np
import pytest
import torch
from torch import nn

import benchlib
from benchlib import mistakes, tensors
from benchlib.accuracy import tolerance_for
from benchlib.errors import Refused, UserError
from benchlib.exporters import ExportRequest, _flat, script
from benchlib.models import LoadedModel, _given, python
from benchlib.plan.rules import refusal
from benchlib.runtimes import OpenRequest, _torch_calls
from benchlib.runtimes import torch as torch_runtime
from tests import given_classes

X = torch.randn(2, 4, generator=torch.manual_seed(0))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.drop, self.norm, self.last = (
            nn.Linear(4, 4),
            nn.Dropout(0.5),
            nn.BatchNorm1d(4),
            nn.Linear(4, 2),
        )

    def forward(self, x):
        dtype = self.last.weight.dtype
        return self.last(
            self.drop(self.norm(self.first(x.to(self.first.weight.dtype)).to(self.norm.weight.dtype))).to(dtype)
        )


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))


def trial(name, **parameters):
    return mistakes.make({"model": name, **parameters})


def loaded(module, called_with=X, **parameters):
    name = python.store(module, called_with)
    return python.load(name.partition(":")[2], trial(name, **parameters))


def changed(module, change):
    change(module)
    return module


def with_buffer(dtype):
    module = nn.Linear(4, 2)
    module.register_buffer("eps", torch.tensor(1e-5, dtype=dtype))
    return module


DTYPES = {  # module, inputs -> the dtype of the trial
    "float32": (Net, X, "float32"),
    "half": (lambda: Net().half(), X.half(), "float16"),
    "bfloat16": (lambda: Net().bfloat16(), X.bfloat16(), "bfloat16"),
    "double": (lambda: Net().double(), X.double(), "float64"),
    "half with whole numbers": (lambda: nn.Embedding(9, 4).half(), torch.tensor([1, 2]), "float16"),
    "half weights, other inputs": (lambda: Net().half(), X, "mixed"),
    "float32 weights, double inputs": (Net, X.double(), "mixed"),
    "one layer in half": (lambda: changed(Net(), lambda m: m.last.half()), X, "mixed"),
    "one layer in bfloat16": (lambda: changed(Net(), lambda m: m.first.bfloat16()), X, "mixed"),
    "norms in float32": (lambda: changed(Net().half(), lambda m: m.norm.float()), X.half(), "mixed"),
    "a buffer in double": (lambda: with_buffer(torch.float64), X, "mixed"),
    "a buffer of whole numbers": (lambda: with_buffer(torch.int32), X, "float32"),
    "a complex buffer": (lambda: with_buffer(torch.complex64), X, "float32"),
    "no weights": (nn.Identity, X.double(), "float64"),
    "no floating numbers": (nn.Identity, torch.tensor([1, 2]), "float32"),
    "no weights, two dtypes": (nn.Identity, {"input": [X, X.half()]}, "mixed"),
    "an eighth in a buffer": (lambda: with_buffer(torch.float8_e4m3fn), X, "mixed"),
    "inside of a dataclass": (nn.Identity, given_classes.Frozen(X.half()), "float16"),
    "sparse": (nn.Identity, torch.eye(3, dtype=torch.float64).to_sparse(), "float64"),
    "double by default": (lambda: changed(Net(), lambda m: m.double()), X.double(), "float64"),
}


@pytest.mark.parametrize("kind", DTYPES)
def test_the_dtype_is_its_own(kind):
    make, inputs, dtype = DTYPES[kind]
    module = make()
    name = python.store(module, inputs)
    asked = trial(name)
    assert asked.dtype == dtype == trial(name, dtype="own").dtype
    assert asked.asked().get("dtype", "float32") == dtype
    model = python.load(name.partition(":")[2], asked)
    before = [t.dtype for t in (*module.parameters(), *module.buffers())]
    assert [t.dtype for t in (*model.module.parameters(), *model.module.buffers())] == before
    given = tensors.leaves_of(python.bound(module, inputs)[0])
    assert [t.dtype for t in tensors.leaves_of(model.inputs).values()] == [t.dtype for t in given.values()]
    assert trial(name, **asked.asked() | {"model": name}) == asked, "what the plan stores is the same trial"


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_a_dtype_that_is_asked_for_is_cast_to(dtype):
    model = loaded(Net().half(), X.half(), dtype=dtype)
    assert {str(t.dtype) for t in model.module.parameters()} == {f"torch.{dtype}"}
    assert model.inputs["x"].dtype == getattr(torch, dtype)
    name = python.store(Net().half(), X.half())
    assert trial(name, dtype=dtype).asked()["dtype"] == dtype
    assert trial("explicit/mlp", dtype=dtype).dtype == dtype and trial("explicit/mlp").dtype == "float32"


def test_complex_numbers_stay_complex():
    module = with_buffer(torch.complex64)
    assert loaded(module, dtype="float64").module.eps.dtype == torch.complex128
    assert loaded(module, dtype="float16").module.eps.dtype == torch.complex64


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"model": "explicit/mlp", "dtype": "mixed"}, "dtype mixed is what an object has whose parts have several"),
        ({"exporter": "script", "runtime": "openvino"}, "runtime openvino computes in float32 at most"),
        ({"exporter": "modelbuilder"}, "modelbuilder writes float32, float16, bfloat16, and the dtype is float64"),
        ({"exporter": "script", "opt_patterns": "fp16"}, "pass fp16 starts from float32, and the dtype is float64"),
        ({"exporter": "script", "opt_patterns": "int8-dynamic"}, "pass int8-dynamic starts from float32"),
        ({"exporter": "script"}, None),
        ({"exporter": "eager"}, None),
        ({"exporter": "onnx_dynamo", "runtime": "reference"}, None),
    ],
)
def test_what_has_no_such_dtype_says_so_in_a_line(parameters, words):
    model = parameters.pop("model", None) or python.store(Net().double(), X.double())
    rule = refusal(trial(model, **parameters))
    assert (rule is None) if words is None else (rule is not None and words in rule and "\n" not in rule)


def test_tolerances_know_the_new_dtypes():
    assert (
        tolerance_for("float64").spread_share
        < tolerance_for("mixed").spread_share
        <= tolerance_for("float32").spread_share
    )


# -- modes ---------------------------------------------------------------------------------------

PARTS = ("", "first", "drop", "norm", "last")
MODES = {  # the parts in training mode -> those of what is run
    "evaluation": ((), ()),
    "training": (PARTS, ()),
    **{f"{part} alone": ((part,), (part,)) for part in PARTS[1:]},
    "dropout and norm": (("drop", "norm"), ("drop", "norm")),
    "the root alone": (("",), ("",)),
    **{f"all but {part}": (tuple(p for p in PARTS if p != part),) * 2 for part in PARTS[1:]},
    "all but the root": (PARTS[1:], PARTS[1:]),
    "norm and last": (("norm", "last"), ("norm", "last")),
    "first and root": (("", "first"), ("", "first")),
}


def in_training(module):
    return tuple(name for name, part in module.named_modules() if part.training)


@pytest.mark.parametrize("kind", MODES)
@pytest.mark.parametrize("made", ["stored", "exported"])
def test_a_mix_of_modes_is_kept(kind, made):
    given, run = MODES[kind]
    module = Net()
    for name, part in module.named_modules():
        part.training = name in given
    model = loaded(module)
    if made == "exported":
        flat = _flat.flat(model)
        assert flat.module.training is bool(run)
    assert in_training(model.module) == run
    assert in_training(module) == given, "what is the user's stays as it is"
    words = model.facts["training_mode"]
    assert words.startswith("as given") if run else words.startswith("evaluation")
    assert ("it was given in training mode" in words) is (kind == "training")


def test_a_mix_reaches_the_graph(tmp_path):
    """A norm that uses the statistics of its batch does so in the exported graph too."""
    import onnxruntime

    module = Net().eval()
    module.norm.train()
    model = loaded(module)
    expected = model.call().numpy()
    file = script.export(ExportRequest(loaded(module), tmp_path / "m"))["file"]
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: X.numpy()})[0]
    torch.testing.assert_close(torch.from_numpy(found), torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


# -- what is told --------------------------------------------------------------------------------


def compiled_inside():
    module = Net()
    module.first = torch.compile(module.first, backend="eager")
    return module


def compiled_in_place():
    module = Net()
    module.compile(backend="eager")
    return module


TOLD = {
    "compiled": (lambda: torch.compile(Net(), backend="eager"), X, "compiled by torch.compile"),
    "a part compiled": (compiled_inside, X, "parts of it were compiled or wrapped (first)"),
    "compiled in place": (compiled_in_place, X, "compiled in place"),
    "parallel": (lambda: nn.DataParallel(Net()), X, "wrapped in DataParallel"),
    "compiled and parallel": (
        lambda: torch.compile(nn.DataParallel(Net()), backend="eager"),
        X,
        "wrapped in DataParallel",
    ),
    "plain": (Net, X, None),
}


@pytest.mark.parametrize("kind", TOLD)
def test_what_stands_before_a_module_is_taken_off_and_told(kind):
    make, inputs, words = TOLD[kind]
    model = loaded(make(), inputs)
    assert type(model.module) is Net and type(model.module.first) is nn.Linear
    assert model.call().shape == (2, 2)
    assert words in model.facts["given_otherwise"] if words else "given_otherwise" not in model.facts


def test_an_array_of_numpy_is_told():
    model = loaded(nn.Identity(), X.numpy())
    assert isinstance(model.inputs["input"], torch.Tensor)
    assert model.facts["given_otherwise"] == "the input input was an array of numpy: it is a tensor here"


def test_a_file_of_inputs_is_read_in_the_dtypes_of_the_call(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.ones((2, 4)))
    for module, dtype in ((Net(), torch.float32), (Net().half(), torch.float16)):
        model = loaded(module, X.to(dtype), inputs=str(tmp_path / "x.npz"))
        assert model.inputs["x"].dtype == dtype and bool((model.inputs["x"] == 1).all())


def test_a_compiled_module_and_what_is_inside_are_one_model():
    module = Net().eval()
    assert python.store(torch.compile(module, backend="eager"), X).partition("-")[0] == "python:Net"


@pytest.mark.parametrize(
    ("inputs", "owner"),
    [
        (lambda m: m.first.weight, "parameter `first.weight`"),
        (lambda m: m.first.weight.detach()[:2], "parameter `first.weight`"),
        (lambda m: m.first.weight.t(), "parameter `first.weight`"),
        (lambda m: m.norm.running_mean.expand(2, 4), "buffer `norm.running_mean`"),
        (lambda m: m.first.weight.clone(), None),
    ],
)
def test_an_input_that_is_a_weight_is_told(inputs, owner):
    module = Net()
    model = loaded(module, inputs(module))
    told = model.facts.get("given_otherwise", "")
    assert told == (f"the input x shares its memory with the {owner}: it is a copy here" if owner else "")


def test_the_order_of_channels_reaches_the_call():
    class Order(nn.Module):
        def forward(self, x, y):
            return x + y, torch.full((1,), float(x.stride(1)))

    x = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    model = loaded(Order(), (x, x[:, :1]))
    assert model.call()[1] == 1
    call = torch_runtime.TorchSession(None, None, OpenRequest("", "eager"))
    call.module, call.called, call.request = model.module, model.module, OpenRequest("", "eager", positional=("x", "y"))
    assert call.bind(model.inputs, {})()[1] == 1
    other = python.store(Order(), (x.contiguous(), x[:, :1].contiguous()))
    assert other != python.store(Order(), (x, x[:, :1])), "another order is another model"


def test_a_call_writes_into_objects_of_its_own():
    class Appends(nn.Module):
        def forward(self, x, seen):
            seen.x = torch.cat([seen.x, x])
            return seen.x.sum()

    call = _torch_calls.HostCall.of(lambda given: Appends()(**given), {"x": X, "seen": given_classes.Plain(X)})
    assert call.replaced_tensors() == []
    first = call()
    assert call.replaced_tensors() == ["seen_x"] and call() != first
    call.renew()
    assert call() == first
    model = LoadedModel({"x": X, "seen": given_classes.Plain(X)}, Appends())
    assert model.call() == model.call() == first


# -- what cannot be stored -----------------------------------------------------------------------


def holding(value, part=""):
    module = Net()
    module.get_submodule(part).held = value
    return module


def with_hook():
    module, lock = Net(), threading.Lock()
    module.register_forward_hook(lambda *given: lock and None)
    return module


def with_closure():
    module, lock = Net(), threading.Lock()
    module.forward = lambda x: x if lock else None
    return module


class RefusesPickle(Net):
    def __reduce__(self):
        raise RuntimeError("not this one,\nnever")


class DiesPickled(Net):
    def __getstate__(self):
        raise NotImplementedError


REFUSED = {
    "a lock": (lambda: holding(threading.Lock()), X, "its attribute held"),
    "a lock in a part": (lambda: holding(threading.Lock(), "first"), X, "its attribute first.held"),
    "a partial over a lock": (lambda: holding(functools.partial(print, threading.Lock())), X, "its attribute held"),
    "a generator": (lambda: holding(n for n in range(3)), X, "cannot pickle 'generator' object"),
    "an open file": (lambda: holding(open(os.devnull, "w")), X, "its attribute held"),  # noqa: SIM115
    "an eighth": (nn.Identity, X.to(torch.float8_e4m3fn), "the input input is of float8_e4m3fn, which numpy has not"),
    "a thread": (lambda: holding(threading.Thread()), X, "its attribute held"),
    "a frame": (lambda: holding(sys._getframe()), X, "its attribute held"),
    "a socket": (lambda: holding(__import__("socket").socket()), X, "its attribute held"),
    "a hook over a lock": (with_hook, X, "cannot pickle"),
    "a forward over a lock": (with_closure, X, "its attribute forward"),
    "a class that says no": (RefusesPickle, X, "not this one, never"),
    "a class that dies": (DiesPickled, X, "DiesPickled cannot be stored"),
    "a module in a list": (lambda: holding([threading.Lock()]), X, "its attribute held"),
    "a generator among the inputs": (Net, (X, (n for n in range(2))), "1"),
    "a lock in an input": (nn.Identity, {"input": given_classes.Batch(X, threading.Lock())}, "input.weight is a lock"),
    "a context": (lambda: holding(contextlib.nullcontext(threading.Lock())), X, "its attribute held"),
    "an input without data": (nn.Identity, torch.empty(2, device="meta"), "the input input has no data"),
    "weights without data": (lambda: nn.Linear(2, 2, device="meta"), X, "tensors without data"),
    "no module": (lambda: 3, X, "a int is no model"),
    "a function": (lambda: torch.compile(lambda x: x, backend="eager"), X, "is no model"),
    "a class": (lambda: Net, X, "is a class, not a model"),
    "no inputs": (Net, None, "needs inputs="),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_stored_is_a_line(kind, tmp_path):
    make, inputs, words = REFUSED[kind]
    with pytest.raises(UserError) as raised:
        python.store(make(), inputs)
    assert words in str(raised.value) and "\n" not in str(raised.value)
    left = [p for p in python.folder().glob("*") if p.is_dir()] if python.folder().is_dir() else []
    assert not left, "nothing half written stays"


def test_run_says_so_before_anything_runs(tmp_path):
    with pytest.raises(UserError, match="Net cannot be stored, for its attribute held: cannot pickle"):
        benchlib.run(model=holding(threading.Lock()), inputs=X, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


OPEN = """
import json, sys
from benchlib import mistakes
from benchlib.models import python
for name in sys.argv[1:]:
    model = python.load(name.partition(":")[2], mistakes.make({"model": name}))
    print(json.dumps(float(model.call().sum())))
"""
AWAY = """
import torch

FACTOR = 3.0

def times(x):
    return x * FACTOR

class Away(torch.nn.Module):
    def forward(self, x):
        return times(x)
"""


def from_a_file(tmp_path):
    """Loaded by its path, under a name that no import path leads to."""
    (tmp_path / "elsewhere.py").write_text(AWAY)
    spec = importlib.util.spec_from_file_location("benchlib_given_away", tmp_path / "elsewhere.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["benchlib_given_away"] = module
    spec.loader.exec_module(module)
    return module.Away()


def made_while_running(tmp_path):
    module = types.ModuleType("benchlib_given_ghost")
    sys.modules["benchlib_given_ghost"] = module
    exec(AWAY, module.__dict__)
    return module.Away()


def in_no_module(tmp_path):
    namespace = {"__name__": "benchlib_given_gone"}
    exec(AWAY, namespace)
    return namespace["Away"]()


def in_a_function(tmp_path):
    class Local(nn.Module):
        def forward(self, x):
            return x * 3.0

    return Local()


@pytest.mark.process
def test_classes_that_no_import_path_leads_to_travel_themselves(tmp_path):
    names = [python.store(make(tmp_path), X) for make in (from_a_file, made_while_running, in_no_module, in_a_function)]
    (tmp_path / "elsewhere.py").unlink()
    done = subprocess.run([sys.executable, "-c", OPEN, *names], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.split()] == pytest.approx([float(3 * X.sum())] * 4)


@pytest.mark.parametrize(
    "inputs", [torch.eye(3).to_sparse(), torch.eye(3).to_sparse_csr(), torch.nested.nested_tensor([X, X])]
)
def test_what_no_graph_takes_is_refused_for_this_way(inputs):
    class Dense(nn.Module):
        def forward(self, x):
            return (x.to_padded_tensor(0) if x.is_nested else x.to_dense()) * 2

    model = loaded(Dense(), inputs)
    assert model.call().shape[0] == inputs.size(0)
    with pytest.raises(Refused, match=r"the input x is a .* tensor: eager takes it"):
        _flat.flat(model)


EXPORTED = {
    "a dataclass": (lambda b: b.x * b.weight, lambda: given_classes.Batch(X, X + 1)),
    "a frozen one": (lambda b: b.x * 2, lambda: given_classes.Frozen(X)),
    "an object": (lambda b: b.x * b.depth, lambda: given_classes.Plain(X)),
    "a named tuple": (lambda b: b.h + b.c[0], lambda: given_classes.State(X, (X,))),
    "a dict": (lambda b: b["a"] + b["b"][0], lambda: {"a": X, "b": [X]}),
}


@pytest.mark.parametrize("kind", EXPORTED)
@pytest.mark.parametrize("strict", [False, True])
def test_objects_are_put_together_in_exported_graphs(kind, strict):
    function, make = EXPORTED[kind]

    class Reads(nn.Module):
        def forward(self, batch):
            return function(batch)

    flat = _flat.flat(LoadedModel({"batch": make()}, Reads()))
    program = torch.export.export(flat.module, flat.args, strict=strict)
    torch.testing.assert_close(program.module()(*flat.args)[0], function(make()))


def test_an_input_of_a_kind_is_named_in_the_refusal_of_an_export():
    from benchlib.worker.building import _refuse_objects

    model = LoadedModel({"batch": given_classes.Reduced(X, "w")}, nn.Identity())
    with pytest.raises(Refused, match="export cannot take the input batch, a Reduced: no way"):
        _refuse_objects(model, "export", RuntimeError("no way\nat all"))
    _refuse_objects(LoadedModel({"x": X}, nn.Identity()), "export", RuntimeError("no way"))


def test_unwrapping_leaves_a_plain_module_alone():
    module = Net()
    assert _given.unwrapped(module) == (module, [])


SCRIPT = """
from collections import namedtuple
from dataclasses import dataclass

import torch
from torch import nn

@dataclass
class Batch:
    x: torch.Tensor

Pair = namedtuple("Pair", "left right")

class Reads(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(4, width)

    def forward(self, batch, pair=None):
        assert type(batch) is Batch and (pair is None or type(pair) is Pair)
        return self.fc(batch.x.to(self.fc.weight.dtype))

x = torch.randn(6, 4)
half, double, mixed, plain = Reads(2).half(), Reads(3).double(), Reads(5).half(), Reads(6).train()
half(Batch(x.half()))
double(Batch(x.double()), pair=Pair(x.double(), None))
mixed(Batch(x))
plain(Batch(x.t()[:, :4].t()))
"""


@pytest.mark.process
def test_what_a_script_calls_has_its_own_dtypes_too(tmp_path, monkeypatch):
    from benchlib.models import script as scripts
    from benchlib.plan import study as studies
    from benchlib.plan.expand import expand

    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(SCRIPT)
    plan = expand(studies.from_arguments("run", {"model": ["net.py"], "exporter": ["eager"]}))
    assert [p.trial.dtype for p in plan.trials] == ["float16", "float64", "mixed", "float32"]
    assert [row.get("dtype") for row in plan.resolved()["trials"]] == ["float16", "float64", "mixed", "float32"]
    assert [p.status for p in plan.trials] == [""] * 4
    model = scripts.load(
        f"{tmp_path / 'net.py'}{plan.trials[1].trial.model.removeprefix('net.py')}", plan.trials[1].trial
    )
    assert type(model.inputs["pair"]).__name__ == "Pair" and model.inputs["pair"].right is None
    assert (
        model.call().dtype == torch.float64
        and model.facts["training_mode"] == "evaluation; it was given in training mode"
    )
    asked = expand(studies.from_arguments("run", {"model": ["net.py"], "dtype": ["float32"], "exporter": ["eager"]}))
    assert {p.trial.dtype for p in asked.trials} == {"float32"}
    wrong = expand(studies.from_arguments("run", {"model": ["net.py"], "dtype": ["mixed"], "exporter": ["eager"]}))
    assert [p.status for p in wrong.trials] == ["refused", "refused", "", "refused"]
