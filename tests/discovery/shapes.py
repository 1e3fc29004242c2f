"""Shapes of scripts that real code has, each with what is to be found in it.

Every script begins with `HEAD`; what it calls is a `Net` of 165 parameters unless the shape says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD = """
import copy
import functools
import threading
import types

import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(10, 10), nn.Linear(10, 5)

    def forward(self, x):
        return self.b(self.a(x).relu())


x = torch.ones(2, 10)
"""


@dataclass(frozen=True)
class Model:
    """What is to be found."""

    name: str
    params: int = 165
    executed: int = 1
    called_in: str = ""
    inputs: str = "x: float32[2×10]"


@dataclass(frozen=True)
class Shape:
    """A script, and what it calls."""

    text: str
    models: tuple[Model, ...]
    remarks: tuple[str, ...] = ()
    max_depth: int = 0
    exported: bool = False  # its first model is taken and exported too: it is no module as the script holds it


def _shape(text: str, *models: Model | str, **more) -> Shape:
    return Shape(text, tuple(Model(m) if isinstance(m, str) else m for m in models), **more)


CALLS = {
    "own call": _shape(
        """
class Own(Net):
    def __call__(self, x):
        return self.forward(x)

own = Own()
own(x)
""",
        "own",
        exported=True,
    ),
    "own call with super": _shape(
        """
class Own(Net):
    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)

own = Own()
own(x)
""",
        "own",
    ),
    "own call that converts": _shape(
        """
class Own(Net):
    def __call__(self, number):
        return self.forward(torch.full((2, 10), float(number)))

own = Own()
own("3")
""",
        "own",
        exported=True,
    ),
    "own call without a forward": _shape(
        """
class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(10, 10), nn.Linear(10, 5)

    def __call__(self, x):
        return self.b(self.a(x))

own = Own()
own(x)
""",
        "own",
        exported=True,
    ),
    "forward": _shape("net = Net()\nnet.forward(x)", "net"),
    "forward of a child": _shape(
        """
class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, x):
        return self.net.forward(x)

outer = Outer()
outer.forward(x=x)
""",
        "outer",
        Model("net"),
        max_depth=1,
    ),
    "forward in a class": _shape(
        """
class Service:
    def __init__(self, net):
        self.net = net

    def answer(self, x):
        return self.net.forward(x)

service = Service(Net())
service.answer(x)
""",
        "service.net",
    ),
    "forward inherited": _shape(
        """
class Derived(Net):
    def forward(self, x):
        return super().forward(x)

net = Derived()
net.forward(x)
net(x)
""",
        Model("net", executed=2),
    ),
    "forward that has another name too": _shape(
        """
class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(10, 10), nn.Linear(10, 5)

    def predict(self, x):
        return self.b(self.a(x))

    forward = predict

net = Named()
net.predict(x)
""",
        "net",
        exported=True,
    ),
    "unbound": _shape("net = Net()\nNet.forward(net, x)", "net"),
    "unbound by keywords": _shape("net = Net()\nNet.forward(self=net, x=x)", "net"),
    "unbound before there is a module": _shape("forward = Net.forward\nnet = Net()\nforward(net, x)", "net"),
    "kept": _shape("kept = Net().forward\nkept(x)", "kept"),
    "kept by an object": _shape(
        """
class Runner:
    def __init__(self, net):
        self.step = net.forward

runner = Runner(Net())
runner.step(x)
""",
        "runner.step",
        exported=True,
    ),
    "compiled": _shape("fast = torch.compile(Net())\nfast(x)", "fast", exported=True),
    "compiled forward": _shape("net = Net()\nfast = torch.compile(net.forward, fullgraph=True)\nfast(x)", "net"),
    "forward of compiled": _shape("fast = torch.compile(Net())\nfast.forward(x)", "fast"),
    "compiled in place": _shape("net = Net()\nnet.compile()\nnet(x)", "net"),
    "compiled children are seen": _shape(
        "fast = torch.compile(Net())\nfast(x)",
        "fast",
        Model("a", 110, inputs="input: float32[2×10]"),
        Model("b", 55, inputs="input: float32[2×10]"),
        max_depth=1,
    ),
    "partial": _shape("run = functools.partial(Net(), x)\nrun()", "run"),
    "partial of a function": _shape(
        """
def apply(module, x):
    return module(x)

run = functools.partial(apply, Net())
run(x)
""",
        "module",
    ),
    "parallel": _shape("parallel = nn.DataParallel(Net())\nparallel(x)", "parallel"),
    "forward of parallel": _shape("parallel = nn.DataParallel(Net())\nparallel.forward(x)", "parallel"),
    "given a forward of its own": _shape(
        """
def fast(self, x):
    return self.b(self.a(x))

net = Net()
net.forward = types.MethodType(fast, net)
net.forward(x)
""",
        "net",
        exported=True,
    ),
    "wrapped forward": _shape(
        """
def logged(module):
    original = module.forward

    @functools.wraps(original)
    def forward(*args, **kwargs):
        return original(*args, **kwargs)

    module.forward = forward
    return module

net = logged(Net())
net(x)
net.forward(x)
""",
        Model("net", executed=2),
    ),
    "decorated forward": _shape(
        """
class Decorated(Net):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)

net = Decorated()
net.forward(x)
""",
        "net",
        exported=True,
    ),
    "a copy": _shape("net = Net()\nother = copy.deepcopy(net)\nother.forward(x)", "other", exported=True),
    "unpickled": _shape(
        """
import io
file = io.BytesIO()
torch.save(Net(), file)
file.seek(0)
net = torch.load(file, weights_only=False)
net.forward(x)
""",
        "net",
    ),
    "a state that was loaded": _shape(
        "net = Net()\nnet.load_state_dict(Net().state_dict())\nnet.eval()\nwith torch.inference_mode():\n    net(x)",
        "net",
    ),
    "hooks": _shape(
        """
class Features:
    def __init__(self, net, layer):
        self.net, self.seen = net, []
        layer.register_forward_hook(lambda module, args, output: self.seen.append(output))

    def __call__(self, x):
        self.net(x)
        return self.seen

features = Features(Net(), nn.Identity())
features(x)
""",
        "features.net",
    ),
    "hooks that stop": _shape(
        """
class Stop(Exception):
    pass

def stop(module, args, output):
    raise Stop

net = Net()
handle = net.a.register_forward_hook(stop)
try:
    net(x)
except Stop:
    handle.remove()
""",
        "net",
    ),
}

HOLDERS = {
    "two in a function": _shape(
        """
first, second = Net(), nn.Linear(5, 3)

def both(x):
    return second(first(x))

both(x)
""",
        "first",
        Model("second", 18, inputs="input: float32[2×5]"),
    ),
    "pieces in a loop": _shape(
        """
class Pieces:
    def __init__(self):
        self.layers = nn.Sequential(nn.Linear(10, 4), nn.ReLU(), nn.Linear(4, 2))

    def run(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

pieces = Pieces()
pieces.run(x)
""",
        Model("pieces.layers[0]", 44, inputs="input: float32[2×10]"),
        Model("pieces.layers[1]", 0, inputs="input: float32[2×4]"),
        Model("pieces.layers[2]", 10, inputs="input: float32[2×4]"),
    ),
    "a method that is no forward": _shape(
        """
class Coder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(10, 4), nn.Linear(4, 10)

    def encode(self, x):
        return self.encoder(x)

    def forward(self, x):
        return self.decoder(self.encode(x))

coder = Coder()
coder.encode(x)
coder(x)
""",
        Model("coder.encoder", 44, called_in="coder.encode", inputs="input: float32[2×10]"),
        Model("coder", 94),
        exported=True,
    ),
    "a list of models": _shape(
        """
class Ensemble(nn.Module):
    def __init__(self):
        super().__init__()
        self.nets = [Net(), Net()]

    def predict(self, x):
        return sum(net(x) for net in self.nets)

ensemble = Ensemble()
ensemble.predict(x)
""",
        Model("ensemble.nets[0]", called_in="ensemble.predict"),
        Model("ensemble.nets[1]", called_in="ensemble.predict"),
    ),
    "decorated function": _shape(
        """
net = Net()

@torch.inference_mode()
def predict(x):
    return net(x)

predict(x)
""",
        "net",
    ),
    "compiled function": _shape(
        """
net = Net()

@torch.compile(fullgraph=True)
def predict(x):
    return net(x)

predict(x)
""",
        "net",
    ),
    "decorator of a module": _shape(
        """
def counted(module):
    def call(*args):
        call.count += 1
        return module(*args)
    call.count = 0
    return call

predict = counted(Net())
predict(x)
""",
        "module",
    ),
    "factory": _shape(
        """
MAKERS = {"net": Net}

def make(name):
    net = MAKERS[name]()
    return net.eval()

make("net")(x)
""",
        "Net()",
    ),
    "factory of functions": _shape(
        """
def predictor():
    model = Net()
    return lambda x: model(x)

predictor()(x)
""",
        "model",
        exported=True,
    ),
    "main": _shape(
        """
def main():
    net = Net()
    net(x)

if __name__ == "__main__":
    main()
""",
        "net",
    ),
    "proxy": _shape(
        """
class Proxy:
    def __init__(self, model):
        self._model = model

    def __getattr__(self, name):
        return getattr(self._model, name)

    def __call__(self, *args):
        return self._model(*args)

proxy = Proxy(Net())
proxy(x)
proxy.forward(x)
""",
        Model("proxy._model", executed=2),
    ),
    "map": _shape("net = Net()\nlist(map(net, [x, x]))", Model("net", executed=2)),
    "text that is run": _shape("net = Net()\nexec('net(x)')", "net"),
    "asynchronous": _shape(
        """
import asyncio

net = Net()

async def answer():
    await asyncio.get_running_loop().run_in_executor(None, net.forward, x)

asyncio.run(answer())
""",
        "net",
    ),
    "threads": _shape(
        """
from concurrent.futures import ThreadPoolExecutor

net, other = Net(), Net()
thread = threading.Thread(target=net, args=(x,))
thread.start()
thread.join()
with ThreadPoolExecutor(2) as pool:
    list(pool.map(other.forward, [x, x]))
""",
        "net",
        Model("other", executed=2),
    ),
    "parts in threads": _shape(
        """
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(2)

class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(nn.Linear(10, 10) for _ in range(2))

    def forward(self, x):
        return sum(pool.map(lambda part: part(x), self.parts))

wide = Wide()
wide(x)
""",
        Model("wide", 220),
    ),
}

TRAINING = {
    "trainer": _shape(
        """
class Trainer:
    def __init__(self, model, loss):
        self.model, self.loss = model, loss
        self.optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def step(self, x, y):
        self.model.train()
        self.optimizer.zero_grad()
        self.loss(self.model(x), y).backward()
        self.optimizer.step()

    @torch.no_grad()
    def evaluate(self, x):
        self.model.eval()
        return self.model(x)

trainer = Trainer(Net(), nn.functional.mse_loss)
for _ in range(3):
    trainer.step(x, torch.ones(2, 5))
trainer.evaluate(torch.ones(4, 10))
""",
        Model("trainer.model", executed=3),
        Model("trainer.model", inputs="x: float32[4×10]"),
    ),
    "a loss that the script calls": _shape(
        "net, criterion = Net(), nn.MSELoss()\ncriterion(net(x), torch.ones(2, 5)).backward()",
        "net",
        Model("criterion", 0, inputs="input: float32[2×5], target: float32[2×5]"),
    ),
    "closure of an optimizer": _shape(
        """
net = Net()
optimizer = torch.optim.LBFGS(net.parameters(), max_iter=1, max_eval=1)

def closure():
    loss = net(x).sum()
    loss.backward()
    return loss

optimizer.step(closure)
""",
        "net",
    ),
    "training step of its own": _shape(
        """
class Lit(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch):
        return self(batch).sum()

class Fit:
    def fit(self, model, batches):
        for batch in batches:
            model.training_step(batch).backward()

lit = Lit()
Fit().fit(lit, [x, x])
""",
        Model("lit", executed=2),
    ),
    "training step that goes past its forward": _shape(
        """
class Lit(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def training_step(self, batch):
        return self.net(batch).sum()

lit = Lit()
lit.training_step(x).backward()
""",
        Model("lit.net", called_in="lit.training_step"),
    ),
    "what is computed again": _shape(
        """
from torch.utils.checkpoint import checkpoint

class Saving(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, x):
        return checkpoint(lambda x: self.net(x), x, use_reentrant=False)

saving = Saving()
saving(x).sum().backward()
""",
        "saving",
    ),
    "observers": _shape(
        """
from torch.ao.quantization import get_default_qat_qconfig, prepare_qat

net = Net()
net.qconfig = get_default_qat_qconfig("x86")
prepared = prepare_qat(net)
prepared(x)
prepared.a.weight_fake_quant.calculate_qparams()
""",
        "prepared",
    ),
    "converted": _shape(
        """
from torch.ao.quantization import default_qconfig, prepare, convert

net = nn.Sequential(torch.ao.quantization.QuantStub(), Net())
net.qconfig = default_qconfig
prepared = prepare(net)
prepared(x)
convert(prepared)
""",
        Model("prepared", inputs="input: float32[2×10]"),
    ),
    "parametrizations": _shape(
        """
from torch.nn.utils import parametrizations, parametrize

class Symmetric(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Linear(1, 1)

    def forward(self, weight):
        return weight * self.scale(torch.ones(1))

net = Net()
parametrizations.weight_norm(net.a)
parametrize.register_parametrization(net.b, "weight", Symmetric())
print(net.a.weight.sum(), net.b.weight.sum())
net(x)
""",
        Model("net", 177),
    ),
    "transforms": _shape(
        """
from PIL import Image
from torchvision import transforms

net = nn.Linear(4, 2)
transform = transforms.Compose([transforms.ToTensor(), transforms.Resize(2), transforms.Normalize(0.5, 0.5)])
net(transform(Image.new("L", (8, 8))).reshape(1, 4))
""",
        Model("net", 10, inputs="input: float32[1×4]"),
    ),
}

TORCH = {
    "functional call": _shape(
        "net = Net()\ntorch.func.functional_call(net, dict(net.named_parameters()), (x,))",
        "net",
        exported=True,
    ),
    "gradient of a functional call": _shape(
        """
net = Net()

def loss(parameters):
    return torch.func.functional_call(net, parameters, (x,)).sum()

torch.func.grad(loss)(dict(net.named_parameters()))
""",
        "net",
        exported=True,
    ),
    "ensemble": _shape(
        """
nets = [Net() for _ in range(3)]
parameters, buffers = torch.func.stack_module_state(nets)
base = copy.deepcopy(nets[0]).to("meta")

def call(parameters, buffers, x):
    return torch.func.functional_call(base, (parameters, buffers), (x,))

torch.vmap(call, in_dims=(0, 0, None))(parameters, buffers, x)
""",
        "base",
        exported=True,
    ),
    "mapped": _shape("net = Net()\ntorch.vmap(net)(x)", Model("net", inputs="x: float32[10]"), exported=True),
    "exported": _shape(
        "program = torch.export.export(Net(), (x,))\nmodel = program.module()\nmodel(x)", "model", exported=True
    ),
    "forward of exported": _shape(
        "program = torch.export.export(Net(), (x,), strict=True)\nmodel = program.module()\nmodel.forward(x)",
        "model",
        exported=True,
    ),
    "scripted": _shape("scripted = torch.jit.script(Net())\nscripted(x)", "scripted", exported=True),
    "forward of scripted": _shape("scripted = torch.jit.script(Net())\nscripted.forward(x)", "scripted", exported=True),
    "traced": _shape("traced = torch.jit.trace(Net(), x)\ntraced(x)", "traced"),
    "forward of traced": _shape("traced = torch.jit.trace(Net().forward, x)\ntraced(x)", "traced"),
    "traced forward": _shape("traced = torch.jit.trace(Net(), x)\ntraced.forward(x)", "traced", exported=True),
    "graph": _shape("graph = torch.fx.symbolic_trace(Net())\ngraph(x)", "graph", exported=True),
    "interpreted graph": _shape("graph = torch.fx.symbolic_trace(Net())\ntorch.fx.Interpreter(graph).run(x)", "graph"),
    "fake tensors": _shape(
        """
from torch._subclasses import FakeTensorMode

with FakeTensorMode():
    Net()(torch.ones(2, 10))
net = Net()
net(x)
""",
        "net",
    ),
    "derivatives": _shape(
        "net = Net()\ntorch.func.jacrev(net)(x)\ntorch.func.jvp(net, (x,), (x,))", Model("net", executed=2)
    ),
    "forward of a graph": _shape("graph = torch.fx.symbolic_trace(Net())\ngraph.forward(x)", "graph"),
    "onnx": _shape("net = Net()\nimport io\ntorch.onnx.export(net, (x,), io.BytesIO(), dynamo=False)\nnet(x)", "net"),
}

LIBRARIES = {
    "generation": _shape(
        """
import transformers

config = transformers.GPT2Config(n_layer=1, n_head=1, n_embd=4, vocab_size=11, n_positions=16)
model = transformers.GPT2LMHeadModel(config).eval()
model.generate(torch.ones(1, 3, dtype=torch.long), max_new_tokens=1, do_sample=False, pad_token_id=0)
""",
        Model("model", 360, inputs=""),
    ),
    "generation with an encoder": _shape(
        """
import transformers

config = transformers.T5Config(d_model=4, d_kv=4, d_ff=4, num_layers=1, num_heads=1, vocab_size=11)
model = transformers.T5ForConditionalGeneration(config).eval()
config.decoder_start_token_id = 0
model.generate(torch.ones(1, 3, dtype=torch.long), max_new_tokens=1, decoder_start_token_id=0)
""",
        Model("model.encoder", 0, called_in="model.generate", inputs=""),
        Model("model", 0, inputs=""),
    ),
    "pipeline": _shape(
        """
import tokenizers
import transformers

words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "good": 1}, "[UNK]"))
words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
config = transformers.BertConfig(
    hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4, vocab_size=5
)
pipe = transformers.pipeline(
    "text-classification",
    model=transformers.BertForSequenceClassification(config),
    tokenizer=transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[UNK]"),
)
pipe("good")
""",
        Model("pipe.model", 0, inputs=""),
    ),
}

PROCESSES = {
    "forked": _shape(
        """
import multiprocessing

if __name__ == "__main__":
    net = Net()
    with torch.no_grad(), multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(net, [x, x])
""",
        remarks=("2 child processes ran: what they called was not seen",),
    ),
    "spawned": _shape(
        """
import multiprocessing

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=print, args=(1,))
    process.start()
    process.kill()  # before it imports torch
    process.join()
""",
        remarks=("1 child process ran: what it called was not seen",),
    ),
    "pool of futures": _shape(
        """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__main__":
    net = Net()
    net(x)
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        list(pool.map(abs, [1, 2]))
""",
        "net",
        remarks=("2 child processes ran: what they called was not seen",),
    ),
    "workers of a loader": _shape(
        """
net = Net()
for batch in torch.utils.data.DataLoader(torch.ones(4, 10), 2, num_workers=1):
    net(batch)
""",
        Model("net", executed=2),
        remarks=("1 child process ran: what it called was not seen",),
    ),
    "subprocess": _shape(
        """
import os
import subprocess
import sys

subprocess.run([sys.executable, "-c", ""], check=True)
os.system("true")
if os.fork() == 0:
    os._exit(0)
os.wait()
""",
        remarks=("3 child processes ran: what they called was not seen",),
    ),
    "what Python itself asks": _shape("import platform\nplatform.processor()\nnet = Net()\nnet(x)", "net"),
}

SHAPES = CALLS | HOLDERS | TRAINING | TORCH | LIBRARIES | PROCESSES
