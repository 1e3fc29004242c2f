"""Parameters and bytes in the words of plans and lists."""

from __future__ import annotations


def count(parameters: int) -> str:
    """`6.05 B`, `110 M`, `4.2 k`, `55`."""
    for factor, unit in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if parameters >= 0.9995 * factor:  # three digits of it are 1
            return f"{parameters / factor:.3g}{unit}"
    return str(parameters)


def size(number: int) -> str:
    """`24.2 GB`, `46.8 MB`, `18 kB`, `220 bytes`."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB")):
        if number >= factor:
            return f"{number / factor:,.1f} {unit}"
    return f"{number / 1e3:,.0f} kB" if number >= 1e3 else f"{number} bytes"
