"""Every conversion of a tensor to a Python value while torch traces: what was asked for, where, what the answer was,
and which inputs it came from. An answer can be turned over, to see whether it matters."""

from __future__ import annotations

import contextlib
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchlib.exporters._trace_graph import Origins

# What a tensor, or a function of tensors, is asked for -> how it is called in the record.
_OF_VALUES = {
    "__bool__": "bool", "__int__": "int", "__float__": "float", "__complex__": "complex", "__index__": "index",
    "item": "item", "tolist": "tolist", "numpy": "numpy", "is_nonzero": "bool", "equal": "equal",
    "allclose": "allclose",
}  # fmt: skip
_OF_SIZES = {"__len__": "len", "__iter__": "iteration"}
_FUNCTIONS = ("equal", "allclose", "is_nonzero")  # of torch itself, too
_OWN = Path(__file__).parents[1]
_CALLERS = (_OWN / "tensors.py", _OWN / "models" / "__init__.py")
_STANDARD = sysconfig.get_path("stdlib")
_FEW = 100  # up to which a whole number is tried a hundred times as large
_CLOSE = 1e-3  # relative; numbers nearer than this are the same answer


@dataclass(frozen=True)
class Place:
    """Where the model's code asked."""

    file: str
    line: int
    kind: str


@dataclass(frozen=True)
class Conversion:
    """One conversion; its answer is a Python value or an array, of an iteration the number of its items."""

    place: Place
    value: Any
    origin: frozenset[str]  # names of inputs; none: sizes, weights and constants


@contextlib.contextmanager
def observed(names: list[str], answers: Mapping[int, Any]) -> Iterator[list[Conversion]]:
    """Notes the conversions of every trace inside the block.

    Args:
        names: of the model's inputs, in the order of the graph's.
        answers: what the conversion with a number, counted from 0, is to answer instead.
    """
    import torch

    state = torch._C._get_tracing_state
    found, origins = list[Conversion](), Origins(lambda: state().graph(), names)
    inside = False

    def ask(original: Callable, kind: str, sizes: bool, arguments: tuple, options: Mapping[str, Any]) -> Any:
        nonlocal inside
        if inside or state() is None:
            return original(*arguments, **options)
        inside = True
        try:
            origin = _origin(origins, arguments, sizes)
            answer = original(*arguments, **options)
            answer = list(answer) if kind == "iteration" else answer
            noted = _noted(answer, kind)
        finally:
            inside = False
        number = len(found)
        found.append(Conversion(Place(*_user_frame(), kind), noted, origin))
        answer = _as_asked(answers[number], answer, kind) if number in answers else answer
        return iter(answer) if kind == "iteration" else answer

    with contextlib.ExitStack() as undo:
        for name, kind in (_OF_VALUES | _OF_SIZES).items():
            _replace(undo, torch.Tensor, name, kind, ask)
        undo.enter_context(_functions(ask))  # whatever names the model's code has for them
        _replace_data(undo, ask)
        yield found


def by_occurrence(conversions: Iterable[Conversion]) -> dict[tuple[Place, int], Conversion]:
    """Conversions in order, each by its place and how often it had been asked there before."""
    counts: Counter[Place] = Counter()
    keyed = {}
    for conversion in conversions:
        keyed[conversion.place, counts[conversion.place]] = conversion
        counts[conversion.place] += 1
    return keyed


def differs(a: Any, b: Any) -> bool:
    """Whether two answers are not the same, numbers beyond rounding."""
    if isinstance(a, bool | int | str | None) and isinstance(b, bool | int | str | None):
        return a != b
    try:
        left, right = np.asarray(a), np.asarray(b)
        if left.shape != right.shape:
            return True
        if left.dtype.kind in "fc" or right.dtype.kind in "fc":
            return not np.allclose(left, right, rtol=_CLOSE, atol=0, equal_nan=True)
        return not np.array_equal(left, right)
    except (TypeError, ValueError):  # rows of different lengths
        return a != b


def turned_over(value: Any) -> list[Any]:
    """Other answers that are tried, in order: a bool flipped; a whole number one more, one less, none, twice and many
    times as large; any other number moved by 1 % either way, negated, none, a hundred and a million times as large, and
    a millionth of it; of arrays and lists each element. Empty: there is nothing to turn. Beyond the small steps lie the
    thresholds that code holds a number against."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        many = [100 * value] if abs(value) <= _FEW else []  # sizes of tensors are made of such numbers
        return [value + 1, value - 1, 0, 2 * value, *many] if value else [1, -1, 100]
    if isinstance(value, float | complex):
        near = [value * 1.01, value * 0.99, -value, 0.0]
        return [*near, value * 100, value * 1e6, value * 1e-6] if value else [0.01, -0.01, 1.0, -1.0, 100.0]
    if isinstance(value, list):
        try:
            return [new.tolist() for new in turned_over(np.asarray(value))]
        except ValueError:  # rows of different lengths
            return []
    if isinstance(value, np.ndarray) and value.size:
        if value.dtype.kind == "b":
            return [~value]
        if value.dtype.kind in "iu":
            return [value + 1, value - 1, np.zeros_like(value), *_of_the_same_sum(value)]
        if value.dtype.kind in "fc":
            steps = [value * 1.01, value * 0.99, -value, np.zeros_like(value)]
            return [*steps, value * 100, value * 1e6, value * 1e-6]
    return []


def _of_the_same_sum(value: np.ndarray) -> list[np.ndarray]:
    """Whole numbers that sizes may be parted into in place of others: one moved from the last to the first, and all of
    them backward."""
    if value.size < 2:
        return []
    moved = value.copy()
    moved.flat[0] += 1
    moved.flat[-1] -= 1
    backward = value.reshape(-1)[::-1].reshape(value.shape).copy()
    return [moved, backward] if not np.array_equal(backward, value) else [moved]


def short_path(file: str) -> str:
    """A file as it is imported: relative to the longest folder of the import path, else its name."""
    roots = [root for root in map(str, map(Path, filter(None, sys.path))) if file.startswith(f"{root}/")]
    return file[len(max(roots, key=len)) + 1 :] if roots else Path(file).name


def is_users(file: str) -> bool:
    """Whether a frame's file is neither torch's, the standard library's, nor what this library calls models with."""
    if file == "<string>" or Path(file) in _CALLERS or file.startswith(_callers()):
        return False
    return not file.startswith(f"{_STANDARD}/") or "-packages/" in file.removeprefix(_STANDARD)


@cache
def _callers() -> tuple[str, ...]:
    """The folders, with a slash behind them, whose code is between the model's and a tensor."""
    import torch

    return tuple(f"{folder}/" for folder in (Path(torch.__file__).parent, _OWN / "worker", _OWN / "exporters"))


def _user_frame() -> tuple[str, int]:
    """File and line of the nearest frame of the model's own code, else of the nearest outside this file."""
    frame = sys._getframe(1)
    nearest = None
    while frame is not None:
        file = frame.f_code.co_filename
        if file != __file__:
            nearest = nearest or (file, frame.f_lineno)
            if is_users(file):
                return file, frame.f_lineno
        frame = frame.f_back
    return nearest or ("", 0)


def _origin(origins: Origins, arguments: tuple, sizes: bool) -> frozenset[str]:
    import torch

    found: frozenset[str] = frozenset()
    for tensor in arguments:
        if isinstance(tensor, torch.Tensor):
            # A tensor that needs a gradient and is no value of the graph cannot become a constant: it is a weight.
            with contextlib.suppress(RuntimeError):
                found |= origins.of(torch._C._get_value_trace(tensor), sizes)
    return found


def _noted(answer: Any, kind: str) -> Any:
    """The answer as it stays, whatever becomes of the tensor that it is a view of; of an iteration the number."""
    if kind == "iteration":
        return len(answer)
    if isinstance(answer, np.ndarray):
        return answer.copy()
    if hasattr(answer, "detach"):
        return answer.detach().float().cpu().numpy().copy() if answer.is_floating_point() else answer.tolist()
    return answer


def _as_asked(turned: Any, answer: Any, kind: str) -> Any:
    """A turned answer as the kind of thing that was asked for."""
    if kind == "iteration":  # fewer, or the last one again
        return (answer + answer[-1:] * turned)[: max(turned, 0)]
    if hasattr(answer, "detach"):
        import torch

        return torch.as_tensor(np.asarray(turned)).to(answer.dtype).reshape(answer.shape)
    return np.asarray(turned).astype(answer.dtype) if isinstance(answer, np.ndarray) else turned


def _replace(undo: contextlib.ExitStack, owner: Any, name: str, kind: str, ask: Callable) -> None:
    original = getattr(owner, name)
    own = name in vars(owner)

    def asked(*arguments: Any, **options: Any) -> Any:
        return ask(original, kind, kind in _OF_SIZES.values(), arguments, options)

    setattr(owner, name, asked)
    undo.callback(setattr, owner, name, original) if own else undo.callback(delattr, owner, name)


def _functions(ask: Callable) -> Any:
    """What hears of torch's own functions that tell a value, in the block of a `with`."""
    import torch
    from torch.overrides import TorchFunctionMode

    kinds = {getattr(torch, name): _OF_VALUES[name] for name in _FUNCTIONS}

    class Asking(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if kind := kinds.get(func):
                return ask(func, kind, False, args, kwargs or {})
            return func(*args, **(kwargs or {}))

    return Asking()


def _replace_data(undo: contextlib.ExitStack, ask: Callable) -> None:
    """`tensor.data` is no value of the graph: what is computed from it is a constant."""
    import torch

    original: Any = torch.Tensor.data

    def read(tensor: Any) -> Any:
        return ask(original.__get__, "data", False, (tensor,), {})

    torch.Tensor.data = property(read, original.__set__)  # type: ignore[assignment,method-assign]
    undo.callback(delattr, torch.Tensor, "data")
