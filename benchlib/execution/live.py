"""The last line of a terminal, which says what a sweep does just now; where no terminal shows it there is none."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from benchlib.plan.in_words import minutes
from benchlib.stages.driver import DONE

EVERY = 0.5  # seconds between two looks of it
_CLEAR = "\r\x1b[K"


class LiveLine:
    """One line that is written over again and again; what is printed above it goes through `above`.

    Args:
        out: where it is shown, if that is a terminal.
        clock: seconds.
    """

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic):
        self._out, self._clock, self._shows = out, clock, out.isatty()
        self._lock, self._ended = threading.RLock(), threading.Event()
        self._head = self._step = self._far = self._doing = ""
        self._begun = self._since = 0.0

    @contextlib.contextmanager
    def of(self, head: str) -> Iterator[None]:
        """Shows the line while a trial runs, `[3/27] resnet18-script` at its beginning."""
        if not self._shows:
            yield
            return
        self._head, self._step, self._doing, self._begun = head, "", "", self._clock()
        self._ended.clear()
        painter = threading.Thread(target=self._paint_on, daemon=True)
        painter.start()
        try:
            yield
        finally:
            self._ended.set()
            painter.join()
            with self._lock:
                self._head = ""
                self._out.write(_CLEAR)
                self._out.flush()

    def tell(self, step: str, note: str) -> None:
        """The trial has come to a step, or says what it does or waits for in it."""
        with self._lock:
            if step != self._step:
                self._step, self._far = step, step
            if note.endswith("processes"):
                self._far = note  # how far it has come stands again once it has waited
            doing = note if note and note != DONE else self._far
            if doing != self._doing:
                self._doing, self._since = doing, self._clock()

    def above(self, line: str) -> None:
        """Prints a line that stays."""
        with self._lock:
            print(f"{_CLEAR if self._head else ''}{line}", file=self._out, flush=True)
            self._paint()

    def text(self) -> str:
        """`[3/27] resnet18-script · 18 s · for 4 s: 2/6 processes`."""
        now = self._clock()
        doing = f" · for {minutes(now - self._since)}: {self._doing}" if self._doing else ""
        return f"{self._head} · {minutes(now - self._begun)}{doing}"

    def _paint_on(self) -> None:
        while not self._ended.wait(EVERY):
            with self._lock:
                self._paint()

    def _paint(self) -> None:
        if self._head:
            width = shutil.get_terminal_size().columns - 1
            self._out.write(f"{_CLEAR}{self.text()[:width]}")
            self._out.flush()
