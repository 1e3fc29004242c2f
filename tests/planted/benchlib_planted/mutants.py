"""Outputs that are wrong in one way each, and the right ones that they are made of: in numpy, as functions, and
as a suite whose judge is the planted runtime with `mutant: none`.

The right ones are of several kinds: logits, a square, a complex spectrum, indices, two of one shape.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from benchlib.registry import Source

TOKENS, CLASSES = 8, 8
Outputs = dict[str, np.ndarray]


def right(x: np.ndarray) -> Outputs:
    """`x`: floats of any shape and at least one element."""
    tokens = np.resize(x.reshape(-1), TOKENS).astype(np.float64)
    waves = np.sin(np.outer(tokens, np.arange(1, CLASSES + 1)) + np.arange(CLASSES))
    return {
        "logits": (3 * waves).astype(np.float32)[None],
        "square": (waves @ waves.T + np.arange(TOKENS)).astype(np.float32),
        "spectrum": np.fft.fft(waves).astype(np.complex64),
        "start": waves[:, 0].astype(np.float32),
        "end": waves[:, 1].astype(np.float32),
        "ids": waves.argsort(axis=-1),
    }


def _changed(name: str, change: Callable[[np.ndarray], Any]) -> Callable[[Outputs], Outputs]:
    def mutant(outputs: Outputs) -> Outputs:
        array = outputs[name].copy()
        found = change(array)
        return {**outputs, name: array if found is None else found}

    return mutant


def _put(index: tuple, value: float) -> Callable[[np.ndarray], None]:
    return lambda array: array.__setitem__(index, value)


def _swapped(outputs: Outputs) -> Outputs:
    return {**outputs, "start": outputs["end"], "end": outputs["start"]}


def _without(outputs: Outputs) -> Outputs:
    return {name: array for name, array in outputs.items() if name != "end"}


MUTANTS: dict[str, Callable[[Outputs], Outputs]] = {
    "imaginary part": _changed("spectrum", lambda a: a.real + 1.01j * a.imag.astype(np.float32)),
    "conjugate": _changed("spectrum", np.conj),
    "float64": _changed("logits", lambda a: a.astype(np.float64)),
    "float16 inside": _changed("logits", lambda a: a.astype(np.float16).astype(np.float32)),
    "int32 ids": _changed("ids", lambda a: a.astype(np.int32)),
    "NaN": _changed("logits", _put((0, 3, 3), np.nan)),
    "infinity": _changed("square", _put((2, 5), np.inf)),
    "transposed": _changed("square", lambda a: np.ascontiguousarray(a.T)),
    "swapped": _swapped,
    "missing": _without,
    "extra": lambda outputs: {**outputs, "more": np.zeros(1, np.float32)},
    "bias": _changed("logits", lambda a: a + np.float32(1e-3) * (np.arange(CLASSES) == 3)),
    "last token": _changed("logits", lambda a: np.concatenate([a[:, :-1], a[:, -2:-1]], axis=1)),
    "one id": _changed("ids", lambda a: np.where(np.arange(a.size).reshape(a.shape) == 9, (a + 1) % CLASSES, a)),
    "shape": _changed("logits", lambda a: a[0]),
}
CONSTANT = "constant"  # right for the recorded inputs alone: they were folded into the graph
LATER = "later"  # right at the first call alone


def answering(call: Callable[[], Any], answer: Callable[[int], Outputs]) -> Callable[[], Outputs]:
    """`call`, whose n-th result is `answer(n)`."""
    numbers = itertools.count(1)

    def answered() -> Outputs:
        call()
        return answer(next(numbers))

    return answered


def session(mutant: str, inputs: dict[str, Any], folded: dict[str, Outputs]) -> Outputs | Callable[[int], Outputs]:
    """What a session with this mutant answers, or how it depends on the number of the call; `folded` is its memory
    over all inputs that it is called on."""
    outputs = right(inputs["x"])
    if mutant == CONSTANT:
        return folded.setdefault("recorded", outputs)
    if mutant == LATER:
        wrong = MUTANTS["bias"](outputs)
        return lambda calls: outputs if calls == 1 else wrong
    return MUTANTS[mutant](outputs) if mutant != "none" else outputs


def _load(name, trial):
    from benchlib.models import LoadedModel

    x = np.random.default_rng(trial.seed).normal(size=(1, TOKENS)).astype(np.float32)
    return LoadedModel(inputs={"x": x}, facts={"model_class": name, "model_task": "test", "model_weights": "none"})


source = Source(
    name="mutants",
    summary="a right answer and many wrong ones",
    load=_load,
    catalogue=lambda: [{"name": "model"}],
    gives="planted",
    judge={"exporter": "planted", "runtime_args": {"mutant": "none"}},
    judged_by="the planted runtime without a mutant",
)
