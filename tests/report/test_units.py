from __future__ import annotations

import math

import pandas as pd
import pytest

from benchlib.report.panels import ticks
from benchlib.report.units import duration, known, number, scale_for, tick, whole, with_interval


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.012345, "0.0123"), (1.2345, "1.23"), (123.4, "123"), (12345, "12,345"), (2.4e-9, "2.4e−9"), (-0.5, "−0.500"),
     (0, "0"), (math.inf, "∞"), (None, "–"), (math.nan, "–"), (pd.NA, "–")],
)  # fmt: skip
def test_numbers_have_significant_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("values", "unit", "shown"),
    [([0.002, 0.05, 3.0], "s", "ms"), ([2e-7], "s", "ns"), ([40.0, 90.0], "s", "s"), ([3 * 2**20], "bytes", "MiB"),
     ([], "s", "s"), ([None, math.inf], "s", "s"), ([5], "items/s", "items/s"), ([2.0], "ratio", "×")],
)  # fmt: skip
def test_a_column_has_the_unit_of_its_middle_value(values, unit, shown):
    assert scale_for(values, unit).unit == shown


def test_values_are_scaled_to_the_unit():
    assert scale_for([0.012], "s").of(0.012) == pytest.approx(12)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
     ((12.3456, 12.21, 12.47), ("12.35", "12.21–12.47")), ((2.2104, 2.164, 2.256), ("2.21", "2.16–2.26")),
     ((1.0003, 0.9963, 1.0043), ("1.000", "0.996–1.004")), ((1234.5, 1000, 1500), ("1,234", "1,000–1,500")),
     ((3.0, None, None), ("3.00", "")), ((None, None, None), ("–", "")), ((5.0, 5.0, 5.0), ("5.0000", "5.0000–5.0000")),
    ],
)  # fmt: skip
def test_an_interval_says_how_many_decimals_are_true(values, texts):
    assert with_interval(*values) == texts


def test_times_whole_numbers_and_ticks():
    assert (duration(0.84), duration(31.2), duration(None)) == ("840 ms", "31.2 s", "–")
    assert (whole(1366.4), whole(30_012), whole(math.inf)) == ("1,366", "30,000", "∞")
    assert (tick(1.0), tick(0.25), tick(1e-6), tick(2000)) == ("1", "0.25", "1e−6", "2,000")
    assert not known(pd.NA) and not known(None) and not known(math.nan) and known(0)


@pytest.mark.parametrize(
    "span", [(0.9, 2.3), (0.98, 1.03), (1.8, 150), (1e-7, 0.9), (1, 3e4), (0.5, 2), (203e-6, 210e-6)]
)
def test_every_axis_has_some_round_ticks(span):
    found = ticks(*span)
    assert 2 <= len(found) <= 7 and found == sorted(found)
    assert all(span[0] <= x <= span[1] for x in found)
