"""The rows of a discovery: what is said of each module that was called, once for each set of input shapes.

Modules that are alike in all but their weights, and have one name, share their rows.
"""

from __future__ import annotations

import os
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any, TypedDict

from benchlib.discovery import callers, changes, identity, names, stateless
from benchlib.discovery.calls import Active
from benchlib.discovery.changes import State
from benchlib.discovery.forwards import Forwards
from benchlib.discovery.found import Found
from benchlib.discovery.identity import CallInputs
from benchlib.discovery.journal import MOST, FoundRow, Journal, LeftOut, Remark
from benchlib.discovery.taking import Take

EACH = 16  # sets of input shapes of one model that are kept, and forms of it that a script makes one after another
Row = tuple[int | None, str]  # its number, and its hash; None and "" beyond the limits


class _Summary(TypedDict):
    """What is said of a module whatever its inputs: these fields of `Found`."""

    weights_hash: str
    model_class: str
    params_size: int
    weights_size: int


class _Known:
    """A module that was called, by the number of its parent's row, which -1 stands for at depth 0."""

    def __init__(self, module: Any, gone: Callable):
        self.ref = weakref.ref(module, gone)
        self.names: dict[int, str] = {}
        self.state: State | None = None  # after its last call at depth 0
        self.form = _Form(module)
        self.forms: dict[int, _Form] = {}  # that a script made another of, by their structures

    def turn(self, module: Any, before: State, now: State) -> None:
        """It is another module from now on, with the name that it has, or once more one that it was."""
        self.forms[before.structure] = self.form
        self.form = self.forms.get(now.structure) or _Form(module)


class _Form:
    """What does not change with a module's inputs while a script leaves its structure as it is."""

    def __init__(self, module: Any):
        self.takes = identity.parameters(module)
        self.likeness: dict[int, str] = {}
        self.summary: dict[int, _Summary] = {}
        self.rows: dict[tuple[int, str], Row] = {}  # with their hashes
        self.numbers: dict[tuple[int, str], dict[str, Any]] = {}  # that each row was first called with


class Rows:
    """The rows that were written into the journal.

    Args:
        loops: variables that name everything.
        wanted: the hash of a model that is to be taken, or "".
        take: is called with that module, its named inputs and how many of them go by position, before its first call.
    """

    def __init__(
        self,
        journal: Journal,
        script: str,
        max_depth: int,
        loops: set[str],
        wanted: str,
        take: Take | None,
    ):
        self._journal, self._script, self._main = journal, script, os.path.basename(script).removesuffix(".py")
        self._max_depth, self._loops, self._wanted, self._take = max_depth, loops, wanted, take
        self.forwards, self._lock = Forwards(), threading.RLock()
        self._known: dict[int, _Known] = {}
        self._said: set[str] = set()
        self._rows: dict[tuple[str, str, str, int], Row] = {}

    def install(self, torch: Any) -> None:
        """Called when torch has been imported."""
        self._torch = torch

    def is_known(self, module: Any) -> bool:
        """Whether it was called before."""
        return id(module) in self._known

    def of_call(self, modules: tuple[Any, ...], args: tuple, kwargs: CallInputs, stack: list[Active]) -> Row:
        """The row of a call inside of others. `modules` ends with the module itself, before which stands what it is
        wrapped in. What fails here does not fail the script."""
        module, parent = modules[-1], stack[-1] if stack else None
        if parent and parent.row is None:  # it is left out, and so are its children
            return None, ""
        try:
            with self._lock:
                known = self._known.get(id(module)) or self._first(module)
                if not stack:
                    self._note_change(known, module)
                inputs = identity.named(known.form.takes, args, kwargs)
                key = (parent.row if parent else -1, identity.inputs_text(inputs))
                if key not in known.form.rows:
                    with stateless.as_module(self._torch, module, inputs) as plain:
                        known.form.rows[key] = self._row(known, modules, stack, key, plain, len(args))
                if known.form.rows[key][0] is not None:
                    self._note_numbers(known, key, inputs)
                return known.form.rows[key]
        except Exception as error:
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            self._journal.say(Remark(f"a {type(module).__name__} could not be looked at: {text}"))
            return None, ""

    def after_call(self, module: Any) -> None:
        """A call at depth 0 went well: what it did to the module is none of the script's changes."""
        known = self._known.get(id(module))
        if known and len(known.forms) < EACH:
            known.state = self._state(module)

    def _state(self, module: Any) -> State | None:
        if isinstance(module, self._torch.jit.ScriptModule):
            return None
        try:
            return changes.state_of(module)
        except Exception:  # a module that answers in its own way; nothing of it fails the script
            return None

    def _note_change(self, known: _Known, module: Any) -> None:
        """What the script did to a module since its last call makes another of it, or is said."""
        before = known.state
        if before is None or len(known.forms) >= EACH or (now := self._state(module)) is None:
            return
        name = known.names.get(-1, type(module).__name__)
        if now.structure != before.structure:
            if len(known.forms) < EACH - 1 or now.structure in known.forms:
                known.turn(module, before, now)
            else:
                known.forms[before.structure] = known.form
                self._say_once(f"{name} is changed between its calls again and again: its last row is of all")
        elif what := changes.words(before, now):
            self._say_once(f"{what.capitalize()} changed between calls of {name}: it is as it was at the first")

    def _note_numbers(self, known: _Known, key: tuple[int, str], inputs: CallInputs) -> None:
        """Numbers that differ between calls of one row may make a call longer: that is said once."""
        given = changes.numbers_of(inputs)
        first = known.form.numbers.setdefault(key, given)
        for name in [name for name in given if name in first and given[name] != first[name]]:
            called = known.names.get(key[0], "")
            self._say_once(f"{called} was also called with other values of {name}: its row is of {first.pop(name)}")

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._journal.say(Remark(text))

    def _first(self, module: Any) -> _Known:
        number = id(module)
        known = _Known(module, lambda _: self._known.pop(number, None))
        self._known[number] = known
        return known

    def _row(
        self,
        known: _Known,
        modules: tuple[Any, ...],
        stack: list[Active],
        key: tuple[int, str],
        inputs: CallInputs,
        positional: int,
    ) -> Row:
        """A new row and its hash; those of another instance which is like this one and has the same name; none beyond
        a limit."""
        above, module, parent = key[0], modules[-1], stack[-1] if stack else None
        frames = names.user_frames(self._script)
        if above not in known.names:
            named = (
                names.of_child(module, parent.modules[-1]) if parent else names.of_model(modules, frames, self._loops)
            )
            known.names[above] = named
        name = known.names[above]
        if above not in known.form.likeness:
            known.form.likeness[above] = identity.likeness(module, self.forwards.as_written)
        alike = (known.form.likeness[above], key[1], name, above)
        if alike in self._rows:
            return self._rows[alike]
        if len(self._rows) >= MOST or sum(row is not None for row, _ in known.form.rows.values()) >= EACH:
            self._journal.say(LeftOut(name))
            return None, ""
        content = identity.content_of(module, inputs, positional, len(stack), self.forwards.as_written)
        hash = content.digest[:8]
        if self._take and hash == self._wanted:
            self.forwards.restore()
            self._take(module, inputs, positional)
        row = len(self._rows)
        self._rows[alike] = row, hash
        if above not in known.form.summary:
            known.form.summary[above] = self._summary(module)
        place = next((f for f in frames if f.f_locals.get("self") is not module), None)
        model = Found(
            name=name,
            hash=hash,
            file=place.f_code.co_filename if place else self._script,
            line=place.f_lineno if place else 0,
            depth=len(stack),
            parent=parent.hash if parent else "",
            inputs=key[1],
            called_in="" if parent else self._called_in(modules, frames),
            dtype=_dtype_of(module, inputs),
            **known.form.summary[above],
        )
        self._journal.say(FoundRow(row, above, model, content.hides))
        if len(stack) < self._max_depth and self._hides_children(module):
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


def _dtype_of(module: Any, inputs: CallInputs) -> str:
    """The dtype of a module and of the inputs of its call. What cannot be stored says so when it is wanted."""
    from benchlib import tensors
    from benchlib.models import _given

    try:
        leaves = tensors.leaves_of(inputs)
    except Exception:
        leaves = {}
    return _given.own_dtype(module, leaves)
