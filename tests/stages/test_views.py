import pytest

from benchlib.stages.picture import ticks
from benchlib.stages.views import ProfileView, interval, seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.843e-3, "1.84 ms"), (0.9996, "1 s"), (0.99951e-3, "1 ms"), (12e-6, "12 µs"), (3.14159, "3.14 s"), (0, "0 ns"),
     (5e-10, "0.5 ns"), (0.1234, "123 ms"), (12345.6, "12,346 s")],
)  # fmt: skip
def test_seconds_in_a_unit_that_fits(value, text):
    assert seconds(value) == text


def test_an_interval_is_left_out_where_there_is_none():
    metrics = {"x": 2.0, "x_low": 1.5, "x_high": 2.5, "y": 1.0}
    assert interval(metrics, "x", str) == "2.0 [1.5, 2.5]"
    assert interval(metrics, "y", str) == "1.0"


@pytest.mark.parametrize("highest", [1e-9, 0.0031, 0.7, 1.0, 5.0, 7.3, 180, 99999])
def test_ticks_are_few_and_cover_all(highest):
    found = ticks(highest)
    assert found[0] == 0
    assert found[-2] < highest <= found[-1] * (1 + 1e-9)
    assert 4 <= len(found) <= 8


def test_a_profile_shows_the_slowest_operators_and_counts_the_others():
    operators = [
        {"operator": f"Op{i}", "provider": "CPUExecutionProvider", "calls": 2.0, "seconds": s * 1e-3}
        for i, s in enumerate([40, *[1] * 20])
    ]
    rows = ProfileView(operators).rows()
    assert len(rows) == ProfileView.SHOWN + 1
    assert rows[0] == ("Op0", "40 ms (67%), 2 ×, CPU")
    assert rows[-1] == ("9 others", "9 ms")
    assert len(ProfileView(operators[:3]).rows()) == 3
