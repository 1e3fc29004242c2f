"""Where calls of modules begin in torch, and how they are handed to who watches.

`torch.nn.Module.__call__` is one place; the `forward` of a module is the other, for the calls that go past it: of its
class, of itself alone, of a graph, of a ScriptModule. A class is looked at when a module of it is made.
"""

from __future__ import annotations

import functools
import itertools
import types
from collections.abc import Callable
from typing import Any

from benchlib.discovery import names
from benchlib.discovery.forwards import Called, Forwards

AtCall = Callable[[Callable, Any, tuple, dict], Any]  # with `__call__` as it was, the module, and its arguments


def hand_over(torch: Any, script: str, forwards: Forwards, at_call: AtCall, at_forward: Called) -> None:
    """From now on the calls go to `at_call` and `at_forward`, which give what they return; nothing is compiled."""
    _calls(torch.nn.Module, at_call)
    _interpreted(torch.fx.Interpreter, at_call)
    _scripted(torch, at_forward)
    _own_forwards(torch.nn.Module, forwards)
    forwards.hand_to(at_forward)
    see = functools.partial(_see_class, torch.nn.Module, script, forwards)
    for kind, name in (
        (torch.nn.Module, "__init__"),
        (torch.nn.Module, "__setstate__"),  # of a copy, or of what was pickled
        (torch.fx.GraphModule, "recompile"),  # which writes a new forward
    ):
        setattr(kind, name, _and_then(getattr(kind, name), see))

    @functools.wraps(torch.compile)
    def compile(model=None, **options):
        if model is None:
            return compile
        return torch.compiler.disable(model) if isinstance(model, torch.nn.Module) else model

    torch.compile = compile


def _calls(kind: Any, at_call: AtCall) -> None:
    original = kind.__call__

    def __call__(self, *args, **kwargs):
        return at_call(original, self, args, kwargs)

    kind.__call__ = __call__


def _interpreted(kind: Any, at_call: AtCall) -> None:
    """An interpreter runs the nodes of a graph one by one: that is a call of the module whose graph it is."""
    original = kind.run

    @functools.wraps(original)
    def run(self, *args, **options):
        return at_call(lambda module, *args: original(self, *args, **options), self.module, args, {})

    kind.run = run


def _see_class(base: type, script: str, forwards: Forwards, module: Any) -> None:
    """Exchanges the forwards of a module's class, and those that it inherits. Where it has a `__call__` instead, that
    is its forward too."""
    kinds: list[Any] = list(itertools.takewhile(lambda kind: kind is not base, type(module).__mro__))
    if kinds and kinds[0].__module__.startswith("torch._"):  # what dynamo writes itself it traces as it is
        return
    if not any("forward" in vars(kind) for kind in kinds):
        for kind in kinds:
            own = vars(kind).get("__call__")
            if isinstance(own, types.FunctionType) and names.is_users(own.__code__.co_filename, script):
                kind.forward = own
    for kind in kinds:
        forwards.exchange(vars(kind).get("forward"))


def _own_forwards(kind: Any, forwards: Forwards) -> None:
    """Those that a module alone is given: methods, and functions with the module as their first argument."""
    original = kind.__setattr__

    def __setattr__(self, name, value):
        if name == "forward":
            forwards.exchange(getattr(value, "__func__", getattr(value, "func", value)))
        original(self, name, value)

    kind.__setattr__ = __setattr__


def _scripted(torch: Any, at_forward: Called) -> None:
    """The forward of a ScriptModule is a method of C that lies in the module, or is made when it is asked for."""
    kind, jit = torch.jit.RecursiveScriptModule, torch._C
    made = kind.__getattr__

    def forward(module):
        method = vars(module).get("forward") or made(module, "forward")
        if jit._get_tracing_state() or not isinstance(method, jit.ScriptMethod):
            return method
        return _ScriptForward(at_forward, module, method)

    kind.forward = property(forward)


class _ScriptForward:
    """The `forward` of a ScriptModule: its calls are handed over, and all else that it says is the method's."""

    def __init__(self, at_forward: Called, module: Any, method: Any):
        self._at_forward, self._module, self._method = at_forward, module, method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._at_forward(self._of_module, (self._module, *args), kwargs)

    def _of_module(self, module: Any, /, *args: Any, **kwargs: Any) -> Any:
        return self._method(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._method, name)


def _and_then(function: Callable, then: Callable[[Any], None]) -> Callable:
    """A method that calls `then` with its object when it is done."""

    @functools.wraps(function)
    def both(self, *args, **kwargs):
        result = function(self, *args, **kwargs)
        then(self)
        return result

    return both
