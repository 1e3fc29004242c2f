"""The line at the end of a terminal."""

import io
import re
import time

import pytest

from benchlib.execution import live
from benchlib.execution.live import LiveLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now(monkeypatch):
    seconds = [100.0]
    monkeypatch.setattr(live, "EVERY", 0.01)
    return seconds


def test_it_says_which_trial_what_it_does_since_when_and_how_long_it_takes(now):
    line = LiveLine(Terminal(), lambda: now[0])
    with line.of("[3/27] resnet18-script"):
        assert line.text() == "[3/27] resnet18-script · 1 s"
        line.tell("export", "")
        now[0] = 112.0
        assert line.text() == "[3/27] resnet18-script · 12 s · for 12 s: export"
        line.tell("measure", "2/6 processes")
        line.tell("measure", "2/6 processes")
        now[0] = 115.0
        assert line.text() == "[3/27] resnet18-script · 15 s · for 3 s: 2/6 processes"
        line.tell("measure", "waiting for a quiet host: others keep 1.0 of 2 cores busy")
        assert line.text().endswith("for 1 s: waiting for a quiet host: others keep 1.0 of 2 cores busy")
        line.tell("measure", "")
        assert line.text().endswith(": 2/6 processes")
        line.tell("record", "")
        assert line.text().endswith(": record")


def test_what_is_printed_stays_above_it_and_nothing_of_it_is_left(now, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    line = LiveLine(terminal, lambda: now[0])
    line.above("before")
    with line.of("[1/2] a name that is far too long for a terminal of forty"):
        time.sleep(0.1)
        line.above("between")
    line.above("after")
    assert seen(terminal.getvalue()) == ["before", "between", "after", ""]
    assert max(len(text) for text in re.split(r"\r\x1b\[K|\n", terminal.getvalue())) <= 39
    assert terminal.getvalue().count("[1/2]") > 2


def test_where_no_terminal_shows_it_lines_are_lines(now):
    out = io.StringIO()
    line = LiveLine(out, lambda: now[0])
    with line.of("[1/2] trial"):
        line.tell("export", "")
        time.sleep(0.05)
        line.above("a line")
    assert out.getvalue() == "a line\n"


def seen(text: str) -> list[str]:
    """What stands on a terminal in the end."""
    return [line.rpartition("\r\x1b[K")[2] for line in text.split("\n")]
