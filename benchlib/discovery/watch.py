"""Every call of a `torch.nn.Module` in this process, whatever holds the module and whoever calls it.

A call is seen where it begins (`entries.py`): at `torch.nn.Module.__call__`, which runs the hooks too, or at `forward`
where it goes past that: from a `__call__` of the class's own, as `net.forward(x)`, from a kept `net.forward`. The first
of them is the call, with the inputs there; the second is on its way. Calls that only trace (`torch.jit.trace`,
`torch.export`, dynamo, fx) are none, nor is what a backward pass computes again. Nothing is compiled: what is given
to `torch.compile` runs as it was written, so that no module vanishes in its code.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from benchlib.discovery import callers, entries
from benchlib.discovery.callers import Caller
from benchlib.discovery.calls import Active, Calls
from benchlib.discovery.identity import CallInputs
from benchlib.discovery.journal import Journal
from benchlib.discovery.rows import Rows
from benchlib.discovery.taking import Take

_WRAPPERS = {  # the class of what stands before a module, and where it holds it
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "TopLevelTracedModule": "_actual_script_module",
}


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
        self._journal, self._script, self._max_depth = journal, script, max_depth
        self._take = take
        self._rows, self._calls = Rows(journal, script, max_depth, loops, wanted, take and self._taken), Calls()
        os.register_at_fork(after_in_child=self._stop)

    def install(self, torch: Any) -> None:
        """Called when torch has been imported."""
        self._torch, self._compiling = torch, torch.compiler.is_compiling
        self._rows.install(torch)
        entries.hand_over(torch, self._script, self._rows.forwards, self._at_call, self._at_forward)

    def _at_call(self, call: Callable, module: Any, args: tuple, kwargs: CallInputs) -> Any:
        """Stands for `call(module, *args, **kwargs)`."""
        if self._compiling() or self._is_deep() or self._calls.are_on_the_way_to(module, 1):
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
            or self._calls.are_on_the_way_to(module)
        ):
            return forward(*args, **kwargs)
        return self._called(forward, module, args[1:], kwargs)

    def _is_deep(self) -> bool:
        return len(self._calls.stack) > self._max_depth

    def _called(self, run: Callable, module: Any, args: tuple, kwargs: CallInputs) -> Any:
        stack = self._calls.stack
        if self._is_no_call(module):
            stack.append(Active((module,), None, ""))
            try:
                return run(module, *args, **kwargs)
            finally:
                stack.pop()
        modules: tuple[Any, ...] = (module,)
        while inner := _WRAPPERS.get(type(modules[-1]).__name__):
            modules += (getattr(modules[-1], inner),)
        lazy = self._is_lazy(modules[-1])  # its parameters have no shape before its first call
        row, hash = (None, "") if lazy else self._rows.of_call(modules, args, kwargs, stack)
        stack.append(Active(modules, row, hash))
        if row is not None:
            self._journal.begin(row)
        if lazy and len(stack) == 1:
            self._journal.begin_unknown()
        begin = time.perf_counter()
        try:
            result = run(module, *args, **kwargs)
        except Exception as error:
            if row is not None and callers.is_error(error):
                self._journal.fail(row)
            raise
        finally:
            seconds = time.perf_counter() - begin
            stack.pop()
            if row is not None:
                self._journal.over(row)
            if not stack:
                self._rows.after_call(modules[-1])
            if lazy and not stack:
                self._journal.end_unknown()
        if lazy:
            row, _ = self._rows.of_call(modules, args, kwargs, stack)
            if row is not None:
                self._journal.begin(row)
                self._journal.over(row)
        if row is not None:
            self._journal.end(row, seconds)
        return result

    def _taken(self, module: Any, inputs: CallInputs, positional: int) -> None:
        """What takes a module calls it too, which is no call of the script."""
        self._stop()
        if self._take:
            self._take(module, inputs, positional)

    def _is_no_call(self, module: Any) -> bool:
        """A trace or its check, or a call on fake tensors; what a backward pass computes again; a copy that
        DataParallel makes for one device; a part that its model calls in another thread; what a tool calls, as an
        observer, or a library for its own ends: a transform, a metric, a loss. They have no weights; the models that a
        library calls for the script (pipelines, trainers, generation) have."""
        torch, stack = self._torch, self._calls.stack
        if (
            torch._C._get_tracing_state() is not None
            or torch.fx._symbolic_trace.is_fx_symbolic_tracing()
            or torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE) is not None
            or torch._C._current_graph_task_id() != -1
            or module.__dict__.get("_is_replica", False)
            or (not stack and self._calls.hold_elsewhere(module))
        ):
            return True
        caller = callers.caller_of(module, self._script)
        if caller is Caller.LIBRARY and not stack:
            return callers.is_libraries(module) and not any(True for _ in module.parameters())
        return caller is Caller.TOOL

    def _is_lazy(self, module: Any) -> bool:
        if self._rows.is_known(module) or not hasattr(module, "parameters"):
            return False
        is_lazy = self._torch.nn.parameter.is_lazy
        return any(map(is_lazy, module.parameters())) or any(map(is_lazy, module.buffers()))

    def _stop(self) -> None:
        """A forked process has the rows of its parent: it goes on unwatched."""
        self._max_depth = -1
