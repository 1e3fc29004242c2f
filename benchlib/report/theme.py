"""How figures look on light and on dark paper, and how one is put into a page that may be either."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from benchlib.report.markup import html


@dataclass(frozen=True)
class Theme:
    """Colours of a figure. `paper` equals the background of the report's figures (style.css)."""

    paper: str
    ink: str
    quiet: str
    line: str
    alarm: str
    verdicts: dict[str, str] = field(default_factory=dict)
    cycle: tuple[str, ...] = ()

    def style(self) -> dict:
        """Matplotlib's settings. Letters are drawn as paths: no reader lacks a font, no label is cut."""
        return {
            "figure.facecolor": self.paper,
            "axes.facecolor": self.paper,
            "axes.edgecolor": self.line,
            "axes.labelcolor": self.quiet,
            "axes.titlecolor": self.ink,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 10,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "axes.grid": True,
            "axes.grid.axis": "x",
            "grid.color": self.line,
            "grid.linewidth": 0.7,
            "text.color": self.ink,
            "text.parse_math": False,  # a dollar sign in a model's name is a dollar sign
            "xtick.color": self.quiet,
            "ytick.color": self.ink,
            "xtick.labelsize": 9.5,
            "ytick.labelsize": 10,
            "ytick.major.size": 0,
            "ytick.major.pad": 7,
            "xtick.major.size": 0,
            "xtick.minor.size": 0,
            "legend.frameon": False,
            "legend.fontsize": 10,
            "font.family": "sans-serif",
            "font.sans-serif": [
                "Inter",
                "Helvetica Neue",
                "Helvetica",
                "Arial",
                "Liberation Sans",
                "DejaVu Sans",
            ],
            "svg.fonttype": "path",
            "svg.hashsalt": "benchlib",
        }


LIGHT = Theme(
    paper="#ffffff",
    ink="#1d232b",
    quiet="#5b6673",
    line="#e1e5ea",
    alarm="#b3261e",
    verdicts={
        "faster": "#0b7a5f",
        "slower": "#c2410c",
        "same": "#2f6db5",
        "inconclusive": "#7a8592",
        "disturbed": "#8b5cb5",
    },
    cycle=("#3b6fb6", "#c8702a", "#3c8f5c", "#8a5bb0", "#b5475d", "#6d7b2e", "#2f8f9d", "#8c6b52"),
)
DARK = Theme(
    paper="#1a1f26",
    ink="#e6eaf0",
    quiet="#a3adba",
    line="#323a45",
    alarm="#ff9a90",
    verdicts={
        "faster": "#4fd1a8",
        "slower": "#ff9d66",
        "same": "#7db4f5",
        "inconclusive": "#98a3b0",
        "disturbed": "#c9a3ea",
    },
    cycle=("#7ba7e6", "#e8a267", "#79c796", "#bf9be0", "#e58aa0", "#b3c069", "#72c4cf", "#c7a68d"),
)


def picture(draw: Callable[[Theme], Figure], alt: str) -> Markup:
    """The figure in both themes as one HTML image with its text; the reader's setting chooses.

    A `<picture>` needs no style sheet, so it is right in JupyterLab too; the report's own switch changes
    the `media` of its source.
    """
    dark, light = (_svg(draw, theme) for theme in (DARK, LIGHT))
    return html(
        '<figure class="plot"><picture>'
        '<source class="dark" media="(prefers-color-scheme: dark)" srcset="{{ dark }}">'
        '<img src="{{ light }}" alt="{{ alt }}"></picture></figure>',
        dark=dark, light=light, alt=alt,
    )  # fmt: skip


def _svg(draw: Callable[[Theme], Figure], theme: Theme) -> str:
    buffer = io.BytesIO()
    with mpl.rc_context(theme.style()):
        draw(theme).savefig(
            buffer,
            format="svg",
            dpi=200,
            metadata={"Date": None, "Creator": None},
            bbox_inches="tight",
            pad_inches=0.12,
        )
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
