"""Every sample over time as an SVG of a few lines, written by hand: importing a plotting library would cost each
trial's kernel more than the rest of a short trial. Text takes the page's own colour, so it reads in dark mode."""

from __future__ import annotations

import html
import math

import numpy as np

from benchlib.measure.samples import Samples

WIDTH, HEIGHT = 720, 250
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 34, 44
COLOURS = ("#8a8f98", "#2f6fde")
GREY = "#768390"
_UNITS = ((1e-6, 1e9, "ns"), (1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (math.inf, 1.0, "s"))


class Picture:
    """The steady samples of a trial, a colour per contender; the reference is grey."""

    def __init__(self, samples: Samples):
        self.samples = samples

    def _repr_html_(self) -> str:
        """In the colour of the page around it, dark or light."""
        return self._drawn("currentColor")

    def _repr_svg_(self) -> str:
        """As an image, in a grey that reads on dark and on light: what code hosts show, who strip HTML."""
        return self._drawn(GREY)

    def _drawn(self, colour: str) -> str:
        blocks = [b for b in self.samples.blocks if b.round >= 0]
        if not blocks:
            return ""
        begin = min(b.start for b in blocks)
        end = max(b.end for b in blocks)
        every = np.concatenate([b.seconds for b in blocks])
        # One stall must not flatten all else: the axis ends above the 99th percentile, what is beyond is counted.
        highest = min(float(every.max()), 1.5 * float(np.quantile(every, 0.99)))
        scale, unit = next((scale, unit) for limit, scale, unit in _UNITS if highest < limit)
        x_ticks, y_ticks = ticks((end - begin) / 1e9), ticks(highest * scale)
        x_of = _axis(x_ticks[-1], LEFT, WIDTH - RIGHT)
        y_of = _axis(y_ticks[-1], HEIGHT - BOTTOM, TOP)
        parts = [*_frame(x_ticks, y_ticks, x_of, y_of, unit), *self._legend()]
        top = y_ticks[-1]
        beyond = int((every * scale > top).sum())
        if beyond:
            farthest = every.max() * scale
            shown = f"{farthest:,.0f}" if farthest >= 1000 else f"{farthest:.3g}"
            words = f"{beyond} above, up to {shown} {unit}"
            parts.append(f'<text x="{WIDTH - RIGHT}" y="18" text-anchor="end">{words}</text>')
        for index in range(len(self.samples.contenders)):
            own = [b for b in blocks if b.contender == index]
            # A call's own begin within its block: the calls before it, one after another.
            begins = [b.start - begin + np.concatenate([[0], np.cumsum(b.ns[:-1])]) for b in own]
            x = x_of(np.concatenate([at[b.discarded :] for at, b in zip(begins, own, strict=True)]) / 1e9)
            y = y_of(np.minimum(np.concatenate([b.seconds for b in own]) * scale, top))
            # Samples on the same half pixel are one dot: of 50,000 a few thousand are left.
            places = np.unique(np.rint(2 * x).astype(np.int64) * 2 * HEIGHT + np.rint(2 * y).astype(np.int64))
            dots = [f"M{place // (2 * HEIGHT) / 2:g} {place % (2 * HEIGHT) / 2:g}h0" for place in places.tolist()]
            parts.append(
                f'<path d="{"".join(dots)}" stroke="{COLOURS[index % 2]}" stroke-width="3.4" stroke-linecap="round" '
                f'stroke-opacity="0.55" fill="none"/>'
            )
        text = f"Latency of every sample of {' and '.join(self.samples.contenders)} over time"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img" '
            f'aria-label="{html.escape(text)}" font-family="system-ui, sans-serif" font-size="12" '
            f'color="{colour}" fill="currentColor" style="max-width: {WIDTH}px">{"".join(parts)}</svg>'
        )

    def _legend(self) -> list[str]:
        parts, x = [], LEFT
        for index, label in enumerate(self.samples.contenders):
            shown = label if len(label) <= 44 else f"{label[:43]}…"
            parts.append(f'<circle cx="{x + 5}" cy="14" r="4" fill="{COLOURS[index % 2]}"/>')
            parts.append(f'<text x="{x + 14}" y="18">{html.escape(shown)}</text>')
            x += 34 + 7 * len(shown)
        return parts


def ticks(highest: float) -> list[float]:
    """Round numbers from 0 to at least `highest`, four to eight of them."""
    rough = max(highest, 1e-12) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    return [i * step for i in range(math.ceil(highest / step - 1e-9) + 1)]


def _axis(highest: float, low: float, high: float):
    return lambda value: low + (high - low) * value / highest


def _frame(x_ticks: list[float], y_ticks: list[float], x_of, y_of, unit: str) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<path d="M{LEFT} {TOP}V{bottom}H{right}" stroke="currentColor" stroke-opacity="0.5" fill="none"/>']
    for y in y_ticks:
        parts.append(f'<path d="M{LEFT} {y_of(y):.1f}H{right}" stroke="currentColor" stroke-opacity="0.12"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y_of(y) + 4:.1f}" text-anchor="end">{y:g}</text>')
    for x in x_ticks:
        parts.append(f'<text x="{x_of(x):.1f}" y="{bottom + 18}" text-anchor="middle">{x:g}</text>')
    middle = (TOP + bottom) / 2
    parts.append(f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">latency ({unit})</text>')
    parts.append(
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 6}" text-anchor="middle">time since the first round (s)</text>'
    )
    return parts
