"""What the command line prints in the end, to a terminal and to what reads from it."""

import io
import re

import pytest

from benchlib.cli_answer import print_answer
from benchlib.report import collate, summary


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def here(study, monkeypatch):
    """The study, seen from the folder above `outputs`."""
    monkeypatch.chdir(study.parent)
    monkeypatch.setenv("COLUMNS", "80")
    return collate(study)


def test_a_pipe_gets_plain_lines_and_the_commands_that_come_next(here):
    out = io.StringIO()
    print_answer(here, out)
    text = out.getvalue()
    assert text.startswith(summary(here)) and "\x1b" not in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    assert text.splitlines()[-2:] == [
        "next: benchlib report quick  # plots, every check, a page for each trial",
        f"next: benchlib script quick/{fastest(here)}  # plain Python that proves this row",
    ]


def test_a_terminal_gets_colours_and_lines_that_fit(here):
    out = Terminal()
    print_answer(here, out)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert plain != out.getvalue()
    fits = [line for line in plain.splitlines() if not line.startswith("next: ")]
    assert max(map(len, fits)) <= 80


def test_no_colour_where_none_is_wanted(here, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    print_answer(here, out)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", out.getvalue())


def test_a_report_that_is_made_is_named_instead_of_proposed(here):
    out = io.StringIO()
    print_answer(here, out, here.folder / "report.html")
    assert f"\nreport: {here.folder / 'report.html'}\n" in out.getvalue() and "benchlib report" not in out.getvalue()


def test_without_a_figure_there_is_nothing_to_prove(here):
    here.table["time_latency"] = float("nan")
    out = io.StringIO()
    print_answer(here, out)
    assert "benchlib script" not in out.getvalue()


def fastest(results) -> str:
    """The notebook of the first way that won."""
    won = {answer.fastest for answer in results.answers if answer.fastest}
    return next(row["notebook"] for row in results.table.to_dict("records") if row["key"] in won)
