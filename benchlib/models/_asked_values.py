"""What a module's Python asks of the values of its tensors, as one watched call tells.

Only what Python is told can it decide on. A module that asks for nothing has no branch that a trace could freeze, and
needs no inputs at the edges (`_edge_moves`); one that asks is also watched for the numbers that it holds its inputs
against, from a padding identifier to a threshold, as these say where its edges are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchlib import tensors
from benchlib.models import LoadedModel, call
from benchlib.models._code_numbers import code_that_runs, numbers_of

# What tells Python a value; and what gives outputs whose size depends on values, by their names without underscores.
_TELLS = frozenset(
    {
        "bool", "int", "float", "complex", "index", "item", "tolist", "numpy", "array", "dlpack", "contains",
        "is_nonzero", "equal", "allclose", "nonzero", "argwhere", "masked_select", "unique", "unique_consecutive",
    }
)  # fmt: skip
_COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "less", "less_equal", "greater", "greater_equal"})
_OF_ODD_NUMBERS = frozenset({"isnan", "isinf", "isposinf", "isneginf", "isfinite", "nan_to_num", "nan_to_num_"})
MOST = 3  # numbers of one input


@dataclass(frozen=True)
class AskedValues:
    """What was seen of one call."""

    values: bool = False  # whether Python was told any value
    against: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # flat name of an input -> numbers
    odd: frozenset[str] = frozenset()  # inputs in which NaN and infinities are looked for
    code_numbers: tuple[float, ...] = ()  # that the model's own code holds, whatever it holds against them


NOTHING = AskedValues()


def watch(model: LoadedModel) -> AskedValues:
    """Watches one call of the model's module on copies of its inputs; of a file, or a call that fails, nothing is
    known. What the module keeps between calls is changed by it."""
    if model.module is None:
        return NOTHING
    import torch

    leaves, structure = tensors.flatten(model.inputs)
    copies = {name: tensors.to_torch(leaf).clone() for name, leaf in leaves.items()}
    mode = _mode(copies)
    try:
        with torch.random.fork_rng(devices=()), torch.no_grad(), mode, code_that_runs() as codes:
            call(model.module, tensors.unflatten(structure, copies), model.positional)
    except Exception:  # the session's own first call tells it, if it is a failure
        return NOTHING
    against = {name: tuple(numbers) for name, numbers in mode.against.items() if numbers}
    return AskedValues(mode.tells, against, frozenset(mode.odd), numbers_of(codes, model.module))


def _mode(inputs: Mapping[str, Any]) -> Any:
    """What watches the functions that are called on the inputs, and on all else."""
    import torch
    from torch.overrides import TorchFunctionMode

    def storage(tensor: Any) -> int:
        return tensor.untyped_storage().data_ptr() if tensor.numel() and tensor.layout == torch.strided else 0

    names = {storage(tensor): name for name, tensor in inputs.items() if storage(tensor)}

    class Watching(TorchFunctionMode):
        tells = False

        def __init__(self):
            super().__init__()
            self.against: dict[str, dict[float, None]] = {}
            self.odd: set[str] = set()

        def __torch_function__(self, func, types, args=(), kwargs=None):
            name = getattr(func, "__name__", "").strip("_")
            if name in _TELLS or (name in ("getitem", "index") and _picks(args[1:])):
                self.tells = True
            elif name in _COMPARISONS or name in _OF_ODD_NUMBERS:
                self.note(name, [*args, *(kwargs or {}).values()])
            return func(*args, **(kwargs or {}))

        def note(self, name: str, arguments: list[Any]) -> None:
            """An input, or a view of one, is looked at."""
            own = [names[key] for a in arguments if isinstance(a, torch.Tensor) and (key := storage(a)) in names]
            if own and name in _OF_ODD_NUMBERS:
                self.odd.add(own[0])
            elif len(own) == 1:
                known = self.against.setdefault(own[0], {})
                known |= {n: None for n in map(_number, arguments) if n is not None and len(known) < MOST}

    def _number(argument: Any) -> float | None:
        if isinstance(argument, torch.Tensor):
            if storage(argument) in names or argument.dim() or argument.is_complex() or argument.device.type != "cpu":
                return None
            argument = argument.item()
        return argument if isinstance(argument, int | float) else None

    def _picks(arguments: tuple) -> bool:
        """Whether elements are picked by yes and no, of which nobody knows how many there are."""
        indices = [i for given in arguments for i in (given if isinstance(given, tuple | list) else [given])]
        return any(isinstance(i, torch.Tensor) and i.dtype == torch.bool for i in indices)

    return Watching()
