"""How numbers are moved that measure something: their size, their sign, their distribution."""

from __future__ import annotations

import numpy as np

from benchlib.models._moves import InputTensor, Move

FEW = 16  # numbers in a channel below which its mean and spread say nothing


def scaled(factor: float) -> Move:
    """Every number times a factor; whole numbers are rounded."""
    return Move(f"× {factor:g}", lambda t, _: _as_kind(t.numbers * factor, t.numbers))


def stepped(step: int) -> Move:
    """A whole number more or less; what is not negative does not become so."""

    def move(t: InputTensor, _: np.random.Generator) -> np.ndarray:
        numbers = t.numbers.astype(np.int64) + step
        return np.where(t.numbers >= 0, np.maximum(numbers, 0), numbers)

    return Move(f"{'+' if step > 0 else '−'} {abs(step)}", move)


def _turned(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    return ~t.numbers


def _flipped_sign(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    return _with_infinities_of(t.numbers, -t.numbers)


def _inverted(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    """Negated; numbers that are never negative are mirrored within their range, as a negative of a photograph is."""
    if t.numbers.min() < 0:
        return _flipped_sign(t, _)
    return _as_kind(_wide(t.numbers.max()) + _wide(t.numbers.min()) - _wide(t.numbers), t.numbers)


def _between_0_and_1(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    """Stretched or squeezed to that range; what has it already, and whole numbers, to 0 … 1 of their greatest / 2."""
    least, greatest = _wide(t.numbers.min()), _wide(t.numbers.max())
    spread = (_wide(t.numbers) - least) / max(greatest - least, np.finfo(np.float32).tiny)
    return _as_kind(spread, t.numbers)


def _reversed(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    return -t.numbers[..., ::-1] if t.numbers.dtype.kind == "f" else t.numbers[..., ::-1]


def _to_full_loudness(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    """Its peak becomes 1; of what is there already, 0.5."""
    peak = float(np.abs(t.numbers).max())
    return t.numbers * ((0.5 if 0.99 < peak < 1.01 else 1) / max(peak, 1e-30))


def _redrawn(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """Normal-distributed with the mean and the spread of each channel; within the range of numbers that are never
    negative; small where all are zero."""
    x = t.numbers if t.numbers.dtype.kind == "c" else t.numbers.astype(np.float32)
    finite = np.isfinite(x)
    axes = _but_channels(x) if finite.all() else tuple(range(x.ndim))
    mean, spread = (measure(axes, where=finite, keepdims=True) for measure in (x.mean, x.std))
    if not spread.any():
        spread = np.full_like(spread, 0.1 * (np.abs(mean).max() or 1))
    noise = chance.standard_normal(x.shape, np.float32)
    if x.dtype.kind == "c":
        return mean + spread * (noise + 1j * chance.standard_normal(x.shape, np.float32)) / 2**0.5
    drawn = _with_infinities_of(x, mean + spread * noise)
    return np.clip(drawn, x.min(), x.max()) if x.min() >= 0 and x.max() > x.min() else drawn


def _redrawn_and_shifted(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    drawn = _redrawn(t, chance)
    return drawn + drawn[np.isfinite(drawn)].std()


def _with_infinities_of(x: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """What is infinite, or no number, is so on purpose: it stays."""
    return np.where(np.isfinite(x), moved, x)


def _but_channels(x: np.ndarray) -> tuple[int, ...]:
    """The axes over which a channel's numbers lie: all but 1 of four and more, all but the last of two and three."""
    channel = 1 if x.ndim >= 4 else x.ndim - 1
    own = tuple(axis for axis in range(x.ndim) if axis != channel)
    enough = x.ndim > 1 and x.size // x.shape[channel] >= FEW
    return own if enough else tuple(range(x.ndim))


def _wide(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers as float64, so that sums fit."""
    return numbers.astype(np.float64) if numbers.dtype.kind in "iu" else numbers


def _as_kind(moved: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.rint(moved) if numbers.dtype.kind in "iu" else moved


TURNED = Move("the other way", _turned)
FLIPPED_SIGN = Move("sign flipped", _flipped_sign)
INVERTED = Move("inverted", _inverted)
BETWEEN_0_AND_1 = Move("between 0 and 1", _between_0_and_1)
REVERSED = Move("backwards", _reversed)
FULL_LOUDNESS = Move("at another loudness", _to_full_loudness)
REDRAWN = Move("redrawn with the same mean and spread", _redrawn)
REDRAWN_AND_SHIFTED = Move("redrawn, and shifted by its spread", _redrawn_and_shifted)
