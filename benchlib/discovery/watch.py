"""Every call of a `torch.nn.Module` in this process, seen at the class: whatever holds the module, it is found.

The wrapper stands in the place of `torch.nn.Module.__call__`, which every module goes through, ScriptModules and
modules that override `__call__` and call it from there too. Calls that only trace (`torch.jit.trace`, `torch.export`,
dynamo) are no calls. A function given to `torch.compile` runs uncompiled: the modules that it calls would vanish in
its code. A compiled module is compiled, and seen as the module that it was made from.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypedDict

from benchlib.discovery import identity, names
from benchlib.discovery.found import Found
from benchlib.discovery.identity import CallInputs
from benchlib.discovery.journal import MOST, FoundRow, Journal, LeftOut, Remark
from benchlib.discovery.taking import Take

EACH = 16  # sets of input shapes of one model that are kept
_WRAPPERS = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}


class _Active:
    """A call that is under way: the module, its row and hash, and the modules that it goes through uncalled."""

    __slots__ = ("hash", "module", "row", "through")

    def __init__(self, module: Any, row: int | None, hash: str, through: list[Any]):
        self.module, self.row, self.hash, self.through = module, row, hash, through


class _Here(threading.local):
    def __init__(self):
        self.stack: list[_Active] = []


class _Summary(TypedDict):
    """What is said of a module whatever its inputs: these fields of `Found`."""

    weights_hash: str
    model_class: str
    params_size: int
    weights_size: int


class _Known:
    """A module that was called: what does not change with its inputs, as it was at its first call."""

    def __init__(self, module: Any, gone: Callable):
        self.ref = weakref.ref(module, gone)
        self.likeness = identity.likeness(module)
        self.takes = identity.parameters(module)
        self.summary: _Summary | None = None
        self.names: dict[int, str] = {}
        self.rows: dict[tuple[int, str], tuple[int | None, str]] = {}  # with their hashes


class Watch:
    def __init__(
        self,
        journal: Journal,
        script: str,
        max_depth: int,
        loops: set[str],
        wanted: str = "",
        take: Take | None = None,
    ):
        """`loops`: variables that name everything. `take` is called with the module of the hash `wanted`, its named
        inputs and how many of them go by position, before its first call."""
        self._journal, self._script, self._main = journal, script, os.path.basename(script).removesuffix(".py")
        self._max_depth, self._loops, self._wanted, self._take = max_depth, loops, wanted, take
        self._here, self._lock = _Here(), threading.RLock()
        self._known: dict[int, _Known] = {}
        self._rows: dict[tuple[str, str, str, int], tuple[int | None, str]] = {}
        os.register_at_fork(after_in_child=self._stop)

    def install(self, torch: Any) -> None:
        """Called when torch has been imported."""
        original, compiling = torch.nn.Module.__call__, torch.compiler.is_compiling
        here, watch, self._torch = self._here, self, torch

        def __call__(self, *args, **kwargs):
            if compiling() or len(here.stack) > watch._max_depth:
                return original(self, *args, **kwargs)
            return watch._called(original, self, args, kwargs)

        torch.nn.Module.__call__ = __call__
        compile = torch.compile

        @functools.wraps(compile)
        def compile_modules(model=None, **options):
            if model is None:
                return lambda model: compile_modules(model, **options)
            if not isinstance(model, torch.nn.Module) and getattr(model, "__name__", "") != "_call_impl":
                return model
            torch._dynamo.eval_frame.skip_code(__call__.__code__)  # the frame below it is what is to be compiled
            return compile(model, **options)

        torch.compile = compile_modules

    def forward(self, owner: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Stands in the script for `owner.forward(…)`."""
        stack = self._here.stack
        torch = getattr(self, "_torch", None)
        if (
            torch is None
            or not isinstance(owner, torch.nn.Module)
            or torch.compiler.is_compiling()
            or len(stack) > self._max_depth
            or (stack and stack[-1].module is owner)
        ):
            return owner.forward(*args, **kwargs)
        return self._called(lambda module, /, *a, **k: module.forward(*a, **k), owner, args, kwargs)

    def _called(self, run: Callable, module: Any, args: tuple, kwargs: CallInputs) -> Any:
        stack = self._here.stack
        if stack and any(module is m for m in stack[-1].through):
            return run(module, *args, **kwargs)
        if self._is_no_call(module):
            stack.append(_Active(module, None, "", []))
            try:
                return run(module, *args, **kwargs)
            finally:
                stack.pop()
        through = [module]
        while inner := _WRAPPERS.get(type(through[-1]).__name__):
            through.append(getattr(through[-1], inner))
        target = through.pop()
        lazy = self._is_lazy(target)  # its parameters have no shape before its first call
        row, hash = (None, "") if lazy else self._noted(target, through, args, kwargs)
        stack.append(_Active(target, row, hash, [*through[1:], target] if through else []))
        if row is not None:
            self._journal.begin(row)
        begin = time.perf_counter()
        try:
            return run(module, *args, **kwargs)
        finally:
            seconds = time.perf_counter() - begin
            stack.pop()
            if lazy:
                row, _ = self._noted(target, through, args, kwargs)
                if row is not None:
                    self._journal.begin(row)
            if row is not None:
                self._journal.end(row, seconds)

    def _noted(self, module: Any, through: list[Any], args: tuple, kwargs: CallInputs) -> tuple[int | None, str]:
        """The row of this call, None beyond the limits, and its hash. What fails here does not fail the script."""
        parent = self._here.stack[-1] if self._here.stack else None
        if parent and parent.row is None:  # it is left out, and so are its children
            return None, ""
        try:
            with self._lock:
                known = self._known.get(id(module)) or self._first(module)
                inputs = identity.named(known.takes, args, kwargs)
                key = (parent.row if parent else -1, identity.inputs_text(inputs))
                if key not in known.rows:
                    known.rows[key] = self._row(known, (*through, module), parent, key, inputs, len(args))
                return known.rows[key]
        except Exception as error:
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            self._journal.say(Remark(f"a {type(module).__name__} could not be looked at: {text}"))
            return None, ""

    def _first(self, module: Any) -> _Known:
        number = id(module)
        known = _Known(module, lambda _: self._known.pop(number, None))
        self._known[number] = known
        return known

    def _row(
        self,
        known: _Known,
        modules: tuple[Any, ...],
        parent: _Active | None,
        key: tuple[int, str],
        inputs: CallInputs,
        positional: int,
    ) -> tuple[int | None, str]:
        """A new row and its hash; those of another instance which is like this one and has the same name; none beyond
        a limit. `modules` ends with the module itself, before which stands what it is wrapped in."""
        above, module = key[0], modules[-1]
        frames = names.user_frames(self._script)
        if above not in known.names:
            named = names.of_child(module, parent.module) if parent else names.of_model(modules, frames, self._loops)
            known.names[above] = named
        name = known.names[above]
        alike = (known.likeness, key[1], name, above)
        if alike in self._rows:
            return self._rows[alike]
        if len(self._rows) >= MOST or sum(row is not None for row, _ in known.rows.values()) >= EACH:
            self._journal.say(LeftOut(name))
            return None, ""
        hash = identity.digest(module, inputs, len(self._here.stack))
        if self._take and hash == self._wanted:
            self._take(module, inputs, positional)
        row = len(self._rows)
        self._rows[alike] = row, hash
        known.summary = known.summary or self._summary(module)
        place = next((f for f in frames if f.f_locals.get("self") is not module), None)
        model = Found(
            name=name,
            hash=hash,
            file=place.f_code.co_filename if place else self._script,
            line=place.f_lineno if place else 0,
            depth=len(self._here.stack),
            parent=parent.hash if parent else "",
            inputs=key[1],
            **known.summary,
        )
        self._journal.say(FoundRow(row, above, model))
        if len(self._here.stack) < self._max_depth and self._hides_children(modules):
            self._journal.say(Remark(f"{name} runs as compiled code: its children are not seen"))
        return row, hash

    def _hides_children(self, modules: tuple[Any, ...]) -> bool:
        """Whether a module calls its children without Python: compiled, around it or in place, or scripted."""
        module = modules[-1]
        compiled = any(type(m).__name__ == "OptimizedModule" for m in modules) or module._compiled_call_impl is not None
        return (compiled or isinstance(module, self._torch.jit.ScriptModule)) and any(True for _ in module.children())

    def _summary(self, module: Any) -> _Summary:
        from benchlib.models import _facts

        facts = _facts.facts_of(module)
        return {
            "weights_hash": _facts.weights_hash(module),
            "model_class": identity.class_of(module, self._main),
            "params_size": facts["params_size"],
            "weights_size": facts["weights_size"],
        }

    def _is_no_call(self, module: Any) -> bool:
        """A trace or its check, or a copy that DataParallel makes for one device."""
        return (
            self._torch._C._get_tracing_state() is not None
            or sys._getframe(3).f_code.co_filename == self._torch.jit._trace.__file__
            or module.__dict__.get("_is_replica", False)
        )

    def _is_lazy(self, module: Any) -> bool:
        if id(module) in self._known or not hasattr(module, "parameters"):
            return False
        is_lazy = self._torch.nn.parameter.is_lazy
        return any(map(is_lazy, module.parameters())) or any(map(is_lazy, module.buffers()))

    def _stop(self) -> None:
        """A forked process has the rows of its parent: it goes on unwatched."""
        self._max_depth = -1
