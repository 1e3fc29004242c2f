"""Ctrl-C and SIGTERM, remembered: what raises KeyboardInterrupt inside Papermill's event loop may come out of it
as another exception, and an interrupted trial must not look like one that crashed."""

from __future__ import annotations

import signal
import threading

requested = threading.Event()


def install() -> None:
    """Answers both signals with KeyboardInterrupt, even where a shell started us with SIGINT ignored."""
    requested.clear()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _interrupt)


def _interrupt(*_: object) -> None:
    requested.set()
    raise KeyboardInterrupt
