"""Functions whose calls are seen, whoever makes them: as a method, unbound, from a variable that keeps it.

The function stays the object that it is, wherever it is held; only its code is exchanged, for a line that hands the
call over. So `restore` reaches all of them, and what is saved of a model is what was written.
"""

from __future__ import annotations

import builtins
import itertools
import types
import weakref
from collections.abc import Callable
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
        function.__dict__.setdefault("__wrapped__", written)  # where its signature and source are read
        function.__code__ = _handing_over(number).replace(
            co_name=code.co_name, co_qualname=code.co_qualname, co_freevars=code.co_freevars
        )

    def as_written(self, function: types.FunctionType) -> types.FunctionType:
        """The function as it was written, with its attributes as they are now."""
        number = self._numbers.get(function)
        if number is None:
            return function
        written = self._written[number]
        written.__dict__.clear()
        written.__dict__.update({name: held for name, held in vars(function).items() if held is not written})
        return written

    def restore(self) -> None:
        """Makes every function again what was written."""
        for function, number in list(self._numbers.items()):
            written = self._written[number]
            function.__code__ = written.__code__
            if function.__dict__.get("__wrapped__") is written:
                del function.__dict__["__wrapped__"]
        self._numbers.clear()


def _handing_over(number: int) -> types.CodeType:
    text = f"lambda *args, **kwargs: {_HOOK}({number}, args, kwargs)"
    function: types.FunctionType = eval(compile(text, "<benchlib.discovery>", "eval"))
    return function.__code__
