"""Parameters, bytes and durations in the words of plans and lists."""

from __future__ import annotations

# Parameters by which trials of one model and way differ.
CONDITION_WORDS = {
    "device": "device",
    "dtype": "dtype",
    "batch_size": "batch",
    "seq_length": "length",
    "height": "height",
    "width": "width",
    "num_cores": "threads",
    "attn_implementation": "attention",
    "level": "level",
    "io": "io",
    "with_loss": "loss",
    "seed": "seed",
}


def count(parameters: int) -> str:
    """`6.05 B`, `110 M`, `4.2 k`, `55`."""
    for factor, unit in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if parameters >= 0.9995 * factor:  # three digits of it are 1
            return f"{parameters / factor:.3g}{unit}"
    return str(parameters)


def counted(n: int, noun: str) -> str:
    """`1 trial`, `12 trials`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def size(number: int) -> str:
    """`24.2 GB`, `46.8 MB`, `18 kB`, `220 bytes`."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB")):
        if number >= factor:
            return f"{number / factor:,.1f} {unit}"
    return f"{number / 1e3:,.0f} kB" if number >= 1e3 else f"{number} bytes"


def minutes(value: float) -> str:
    """`40 s`, `2.5 min`, `12 min`, `3 h 20 min`."""
    if value < 90:
        return f"{max(1, round(value))} s"
    if value < 600:
        return f"{value / 60:.2g} min"
    if value < 5400:
        return f"{round(value / 60)} min"
    return f"{int(value // 3600)} h {round(value % 3600 / 60)} min"
