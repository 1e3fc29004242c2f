# labels: author::planted kind::holders,places
"""Models in every place that a script may hold them in, each called once unless it says otherwise."""

import threading

import torch
from torch import nn

torch.manual_seed(0)


class Small(nn.Module):
    def __init__(self, width=5):
        super().__init__()
        self.fc = nn.Linear(10, width)

    def forward(self, x, scale=None):
        return self.fc(x)


class Deep:
    class inner:
        class most:
            model = Small(2)


class Service:
    def __init__(self):
        self.engine = Small(3)

    def answer(self, x):
        return self.engine(x)


class OwnCall(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 4)

    def __call__(self, *args):
        return super().__call__(*args)

    def forward(self, x):
        return self.fc(x)


class Recursive(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 10)

    def forward(self, x, times: int):
        return self.fc(x) if times == 0 else self(x, times - 1)


class Mutating(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0
        self.fc = nn.Linear(10, 7)

    def forward(self, x):
        self.calls += 1
        return self.fc(x)


def in_a_function(x):
    local = Small(6)
    return local(x)


def in_a_thread(x):
    threaded = Small(8)
    with torch.no_grad():
        threaded(x)


def directly(model, x):
    return model.forward(x)


x = torch.ones(1, 10)
never = Small(99)
models = [Small(11), Small(12)]
models[1](x)
named = {"a": Small(13)}
named["a"](x)
for model in (Small(14), models[0]):
    model(x)

Deep.inner.most.model(x)
Service().answer(x)
in_a_function(x)
Small(15)(x)

thread = threading.Thread(target=in_a_thread, args=(x,))
thread.start()
thread.join()  # the next weights are drawn by the same generator

twice = Small(16)
twice(x)
twice(x=torch.zeros(1, 10))
twice(torch.ones(3, 10))
twice(x, scale=(x, {"k": 2}))

own = OwnCall()
own(x)
recursive = Recursive()
recursive(x, 3)
mutating = Mutating()
mutating(x)
mutating(x)
mutating.fc = nn.Linear(10, 1)

compiled = torch.compile(Small(17), backend="eager")
compiled(x)
assert compiled(x).shape == (1, 17)


@torch.compile(backend="eager")
def compiled_function(x):
    return in_compiled(x)


in_compiled = Small(18)
compiled_function(x)

parallel = nn.DataParallel(Small(19))
parallel(x)
scripted = torch.jit.script(Small(20))
scripted(x)
traced = torch.jit.trace(Small(21), x)
traced(x)
lazy = nn.LazyLinear(22)
lazy(x)
forwarded = Small(23)
directly(forwarded, x)
half = Small(24).to(torch.bfloat16)
half(x.to(torch.bfloat16))
inplace = Small(25)
inplace.compile(backend="eager")
inplace(x)
print("all called")
