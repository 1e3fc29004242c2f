"""What a notebook that somebody runs by hand says while a step takes its time: a line that goes when it has ended."""

from __future__ import annotations

import sys
from typing import Any


class Line:
    """The line below the cell that runs; there is none where no IPython shows one."""

    def __init__(self) -> None:
        self._is_shown = False

    def say(self, text: str) -> None:
        """Shows a text in the place of the last one."""
        if display := _display():
            display.clear_output(wait=True)
            print(text, flush=True)
            self._is_shown = True

    def end(self) -> None:
        """Takes the line away: what the step shows comes in its place."""
        if self._is_shown and (display := _display()):
            display.clear_output()
        self._is_shown = False


def _display() -> Any:
    """IPython's display, within IPython; None elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        return None
    from IPython import display

    return display
