"""Every call of a `torch.nn.Module` in this process, whatever holds the module and whoever calls it.

A call is seen where it begins (`entries.py`): at `torch.nn.Module.__call__`, which runs the hooks too, or at `forward`
where it goes past that: from a `__call__` of the class's own, as `net.forward(x)`, from a kept `net.forward`. The first
of them is the call, with the inputs there; the second is on its way. Calls that only trace (`torch.jit.trace`,
`torch.export`, dynamo, fx) are none, nor is what a backward pass computes again. Nothing is compiled: what is given
to `torch.compile` runs as it was written, so that no module vanishes in its code.
"""

from __future__ import annotations

import os
import threading
import time
import types
import weakref
from collections.abc import Callable
from typing import Any, TypedDict

from benchlib.discovery import callers, entries, identity, names, stateless
from benchlib.discovery.callers import Caller
from benchlib.discovery.forwards import Forwards
from benchlib.discovery.found import Found
from benchlib.discovery.identity import CallInputs
from benchlib.discovery.journal import MOST, FoundRow, Journal, LeftOut, Remark
from benchlib.discovery.taking import Take

EACH = 16  # sets of input shapes of one model that are kept
_WRAPPERS = {  # the class of what stands before a module, and where it holds it
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "TopLevelTracedModule": "_actual_script_module",
}


class _Active:
    """A call that is under way: the module, behind what it is wrapped in, with its row and hash."""

    __slots__ = ("hash", "modules", "row")

    def __init__(self, modules: tuple[Any, ...], row: int | None, hash: str):
        self.modules, self.row, self.hash = modules, row, hash

    def goes_through(self, module: Any, begin: int = 0) -> bool:
        """Whether this is one of its modules, the first `begin` of them left out."""
        return any(module is one for one in self.modules[begin:])


class _Here(threading.local):
    """The calls under way in this thread, the innermost last; `everywhere` has those of all threads."""

    def __init__(self, everywhere: dict[int, list[_Active]]):
        self.stack: list[_Active] = []
        everywhere[threading.get_ident()] = self.stack


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
        self.likeness = ""  # once it is looked at
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
        self._forwards, self._lock = Forwards(), threading.RLock()
        self._everywhere: dict[int, list[_Active]] = {}
        self._here = _Here(self._everywhere)
        self._known: dict[int, _Known] = {}
        self._rows: dict[tuple[str, str, str, int], tuple[int | None, str]] = {}
        os.register_at_fork(after_in_child=self._stop)

    def install(self, torch: Any) -> None:
        """Called when torch has been imported."""
        self._torch, self._compiling = torch, torch.compiler.is_compiling
        entries.hand_over(torch, self._script, self._forwards, self._at_call, self._at_forward)

    def _at_call(self, call: Callable, module: Any, args: tuple, kwargs: CallInputs) -> Any:
        """Stands for `call(module, *args, **kwargs)`."""
        if self._compiling() or self._is_deep() or self._is_on_its_way(module, 1):
            return call(module, *args, **kwargs)
        return self._called(call, module, args, kwargs)

    def _at_forward(self, forward: Callable, args: tuple, kwargs: CallInputs) -> Any:
        """Stands for `forward(*args, **kwargs)`."""
        if not args and (own := forward.__code__.co_varnames[:1]) and own[0] in kwargs:  # forward(self=net, x=x)
            args = (kwargs.pop(own[0]),)
        module = args[0] if args else None
        if (
            self._compiling()
            or self._is_deep()
            or not isinstance(module, self._torch.nn.Module)
            or self._is_on_its_way(module)
        ):
            return forward(*args, **kwargs)
        return self._called(forward, module, args[1:], kwargs)

    def _is_deep(self) -> bool:
        return len(self._here.stack) > self._max_depth

    def _is_on_its_way(self, module: Any, begin: int = 0) -> bool:
        stack = self._here.stack
        return bool(stack) and stack[-1].goes_through(module, begin)

    def _called(self, run: Callable, module: Any, args: tuple, kwargs: CallInputs) -> Any:
        stack = self._here.stack
        if self._is_no_call(module):
            stack.append(_Active((module,), None, ""))
            try:
                return run(module, *args, **kwargs)
            finally:
                stack.pop()
        modules: tuple[Any, ...] = (module,)
        while inner := _WRAPPERS.get(type(modules[-1]).__name__):
            modules += (getattr(modules[-1], inner),)
        lazy = self._is_lazy(modules[-1])  # its parameters have no shape before its first call
        row, hash = (None, "") if lazy else self._noted(modules, args, kwargs)
        stack.append(_Active(modules, row, hash))
        if row is not None:
            self._journal.begin(row)
        begin = time.perf_counter()
        try:
            return run(module, *args, **kwargs)
        finally:
            seconds = time.perf_counter() - begin
            stack.pop()
            if lazy:
                row, _ = self._noted(modules, args, kwargs)
                if row is not None:
                    self._journal.begin(row)
            if row is not None:
                self._journal.end(row, seconds)

    def _noted(self, modules: tuple[Any, ...], args: tuple, kwargs: CallInputs) -> tuple[int | None, str]:
        """The row of this call, None beyond the limits, and its hash. What fails here does not fail the script."""
        module, parent = modules[-1], self._here.stack[-1] if self._here.stack else None
        if parent and parent.row is None:  # it is left out, and so are its children
            return None, ""
        try:
            with self._lock:
                known = self._known.get(id(module)) or self._first(module)
                inputs = identity.named(known.takes, args, kwargs)
                key = (parent.row if parent else -1, identity.inputs_text(inputs))
                if key not in known.rows:
                    with stateless.as_module(self._torch, module, inputs) as plain:
                        known.rows[key] = self._row(known, modules, parent, key, plain, len(args))
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
            named = (
                names.of_child(module, parent.modules[-1]) if parent else names.of_model(modules, frames, self._loops)
            )
            known.names[above] = named
        name = known.names[above]
        known.likeness = known.likeness or identity.likeness(module, self._forwards.as_written)
        alike = (known.likeness, key[1], name, above)
        if alike in self._rows:
            return self._rows[alike]
        if len(self._rows) >= MOST or sum(row is not None for row, _ in known.rows.values()) >= EACH:
            self._journal.say(LeftOut(name))
            return None, ""
        hash = identity.digest(module, inputs, positional, len(self._here.stack), self._forwards.as_written)
        if self._take and hash == self._wanted:
            self._forwards.restore()
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
            called_in="" if parent else self._called_in(modules, frames),
            dtype=_dtype_of(module, inputs),
            **known.summary,
        )
        self._journal.say(FoundRow(row, above, model))
        if len(self._here.stack) < self._max_depth and self._hides_children(module):
            self._journal.say(Remark(f"{name} runs as compiled code: its children are not seen"))
        return row, hash

    def _called_in(self, modules: tuple[Any, ...], frames: list[types.FrameType]) -> str:
        """`vae.encode`: the method from which a module is called that is held by the model of that method."""
        holder, method = callers.holder_of(modules, self._torch.nn.Module)
        return f"{names.of_model((holder,), frames, self._loops)}.{method}" if holder is not None else ""

    def _hides_children(self, module: Any) -> bool:
        """Whether a module calls its children without Python."""
        return isinstance(module, self._torch.jit.ScriptModule) and any(True for _ in module.children())

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
        """A trace or its check, or a call on fake tensors; what a backward pass computes again; a copy that
        DataParallel makes for one device; a part that its model calls in another thread; what a tool calls, as an
        observer, or a library for its own ends: a transform, a metric, a loss. They have no weights; the models that a
        library calls for the script (pipelines, trainers, generation) have."""
        torch, stack = self._torch, self._here.stack
        if (
            torch._C._get_tracing_state() is not None
            or torch.fx._symbolic_trace.is_fx_symbolic_tracing()
            or torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE) is not None
            or torch._C._current_graph_task_id() != -1
            or module.__dict__.get("_is_replica", False)
            or (not stack and self._is_part_elsewhere(module))
        ):
            return True
        caller = callers.caller_of(module, self._script)
        if caller is Caller.LIBRARY and not stack:
            return callers.is_libraries(module) and not any(True for _ in module.parameters())
        return caller is Caller.TOOL

    def _is_part_elsewhere(self, module: Any) -> bool:
        """Whether a model is under way in another thread that holds this one: it calls its parts in threads."""
        under_way = [stack[0].modules[-1] for stack in list(self._everywhere.values()) if stack]
        return any(model is not module and callers.holds(model, module) for model in under_way)

    def _is_lazy(self, module: Any) -> bool:
        if id(module) in self._known or not hasattr(module, "parameters"):
            return False
        is_lazy = self._torch.nn.parameter.is_lazy
        return any(map(is_lazy, module.parameters())) or any(map(is_lazy, module.buffers()))

    def _stop(self) -> None:
        """A forked process has the rows of its parent: it goes on unwatched."""
        self._max_depth = -1


def _dtype_of(module: Any, inputs: CallInputs) -> str:
    """The dtype of a module and of the inputs of its call. What cannot be stored says so when it is wanted."""
    from benchlib import tensors
    from benchlib.models import _given

    try:
        leaves = tensors.leaves_of(inputs)
    except Exception:
        leaves = {}
    return _given.own_dtype(module, leaves)
