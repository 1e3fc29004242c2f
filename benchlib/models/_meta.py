"""Loading a model without its weights: under `large_on_meta()` a source's larger tensors come without memory.

A source draws weights and inputs as ever; a tensor of more than a few thousand elements goes to the meta device. The
small ones are real, because code looks into them: `linspace(…).tolist()` for the rates of a network's layers,
`norm.weight.any()`. Where a real tensor meets one without memory, it loses its own. A source that would read or
download weights leaves them where they are while `looking()`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any

SMALL = 1 << 13  # elements
_LOOKING = ContextVar("looking", default=False)


@contextlib.contextmanager
def large_on_meta() -> Iterator[None]:
    """Torch is imported by then."""
    token = _LOOKING.set(True)
    try:
        with _mode()():
            yield
    finally:
        _LOOKING.reset(token)


def looking() -> bool:
    """Whether a model is loaded only to see what it is."""
    return _LOOKING.get()


@cache
def _mode() -> type:
    import torch
    from torch.overrides import TorchFunctionMode
    from torch.utils._device import _device_constructors
    from torch.utils._pytree import tree_any, tree_map

    constructors = _device_constructors()

    def is_meta(value: Any) -> bool:
        return isinstance(value, torch.Tensor) and value.is_meta

    def to_meta(value: Any) -> Any:
        return value.to("meta") if isinstance(value, torch.Tensor) else value

    class LargeOnMeta(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = dict(kwargs or {})
            if function in constructors and str(kwargs.get("device") or "cpu") == "cpu":
                given = {k: v for k, v in kwargs.items() if k not in ("generator", "pin_memory", "out")}
                made = function(*args, **{**given, "device": "meta"})
                return function(*args, **kwargs) if made.numel() <= SMALL else made
            if not tree_any(is_meta, (args, kwargs)):
                return function(*args, **kwargs)
            kwargs.pop("generator", None)  # it is the CPU's, and there is nothing to draw
            try:
                return function(*args, **kwargs)
            except RuntimeError:  # what is not implemented for meta tensors too
                args, kwargs = tree_map(to_meta, (args, kwargs))
                return function(*args, **kwargs)

    return LargeOnMeta
