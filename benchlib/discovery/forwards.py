"""Functions whose calls are seen, whoever makes them: as a method, unbound, from a variable that keeps it.

The function stays the object that it is, wherever it is held; only its code is exchanged, for a line that hands the
call over. So `as_written` reaches all of them, and what is hashed and saved of a model is what was written.
"""

from __future__ import annotations

import builtins
import itertools
import types
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_HOOK = "__benchlib_called__"  # a builtin while the script runs: this name is known in every function

Called = Callable[[Callable, tuple, dict], Any]  # with a function as it was written, and its arguments


class Forwards:
    """The functions that were exchanged, each with a copy as it was written."""

    def __init__(self) -> None:
        self._next = itertools.count()
        self._written: dict[int, types.FunctionType] = {}
        self._numbers: weakref.WeakKeyDictionary[types.FunctionType, int] = weakref.WeakKeyDictionary()

    def hand_to(self, called: Called) -> None:
        """From now on `called` gets the calls, and gives what they return."""
        written = self._written
        setattr(builtins, _HOOK, lambda number, args, kwargs: called(written[number], args, kwargs))

    def exchange(self, function: Any) -> None:
        """Lets the calls of a function be seen. What is none, as a callable of C, is left as it is."""
        if not isinstance(function, types.FunctionType) or function in self._numbers:
            return
        code, number = function.__code__, next(self._next)
        written = types.FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)
        written.__defaults__, written.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
        written.__annotations__, written.__module__ = function.__annotations__, function.__module__
        self._written[number], self._numbers[function] = written, number
        weakref.finalize(function, self._written.pop, number, None).atexit = False
        handing_over = _handing_over(number).replace(
            co_name=code.co_name, co_qualname=code.co_qualname, co_freevars=code.co_freevars
        )
        _hand_over(function, written, handing_over)

    @contextmanager
    def as_written(self) -> Iterator[None]:
        """Within it every function is again what was written."""
        held = [(f, self._written[n], f.__code__) for f, n in list(self._numbers.items())]
        for function, written, _ in held:
            function.__code__ = written.__code__
            if function.__dict__.get("__wrapped__") is written:
                del function.__dict__["__wrapped__"]
        try:
            yield
        finally:
            for function, written, handing_over in held:
                _hand_over(function, written, handing_over)


def _hand_over(function: types.FunctionType, written: types.FunctionType, code: types.CodeType) -> None:
    function.__dict__.setdefault("__wrapped__", written)  # where its signature and source are read
    function.__code__ = code


def _handing_over(number: int) -> types.CodeType:
    text = f"lambda *args, **kwargs: {_HOOK}({number}, args, kwargs)"
    function: types.FunctionType = eval(compile(text, "<benchlib.discovery>", "eval"))
    return function.__code__
