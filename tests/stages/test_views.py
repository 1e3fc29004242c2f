import numpy as np
import pytest

from benchlib import accuracy
from benchlib.measure.samples import STEADY, Block, Samples
from benchlib.record import OperatorTime
from benchlib.stages.picture import GREY, Picture, ticks
from benchlib.stages.shown import interval, seconds
from benchlib.stages.views import CheckView, ProfileView


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


def test_a_picture_takes_the_colour_of_its_page_and_as_an_image_one_that_reads_on_any():
    block = Block(0, 0, 0, STEADY, 0, 4_000_000, 4_000_000, 0, np.full(4, 1_000_000, np.uint64))
    drawn = Picture(Samples(["eager"], blocks=[block]))
    assert 'color="currentColor"' in drawn._repr_html_() and f'color="{GREY}"' in drawn._repr_svg_()
    assert drawn._repr_svg_().startswith("<svg xmlns=") and drawn._repr_svg_().count("<circle") == 1


@pytest.mark.parametrize("highest", [1e-9, 0.0031, 0.7, 1.0, 5.0, 7.3, 180, 99999])
def test_ticks_are_few_and_cover_all(highest):
    found = ticks(highest)
    assert found[0] == 0
    assert found[-2] < highest <= found[-1] * (1 + 1e-9)
    assert 4 <= len(found) <= 8


def test_a_profile_shows_the_slowest_operators_and_counts_the_others():
    operators = [OperatorTime(f"Op{i}", "CPUExecutionProvider", 2.0, s * 1e-3) for i, s in enumerate([40, *[1] * 20])]
    rows = ProfileView(operators).rows()
    assert len(rows) == ProfileView.SHOWN + 1
    assert rows[0] == ("Op0", "40 ms (67%), 2 ×, CPU")
    assert rows[-1] == ("9 others", "9 ms")
    assert len(ProfileView(operators[:3]).rows()) == 3


@pytest.mark.parametrize("error", [0.0, 0.1])
def test_a_check_says_who_judged_what_is_allowed_and_how_far_it_is_off(error):
    exact = {"logits": np.random.default_rng(0).normal(size=(3, 10))}
    eager = {"logits": exact["logits"].astype(np.float32)}
    found = {"logits": eager["logits"] + np.float32(error)}
    tolerance = accuracy.tolerance_for("float32", {"atol": 1e-3, "reason": "no better sensor"})
    check = accuracy.compare({0: found}, {0: eager}, "float32", exact={0: exact}, tolerance=tolerance)
    check.metrics |= {"judged_by": "eager, float64", "judge_fallback": "", "input_seeds": "recorded, (0, 1), (0, 2)"}
    view = CheckView(check)
    rows = dict(view.rows())
    assert view.title == ("computes something else" if error else "computes the same as eager, float64")
    assert ("problem" in rows) == bool(error)
    assert rows["ground truth"] == "eager, float64"
    assert rows["compared for"] == "3 sets of inputs"
    assert rows["allowed"] == ("0.001 × max(1, std) + 0.0001 × |expected|, each element, because: no better sensor")
    assert rows["error ÷ eager's own"].startswith(f"{check.metrics['rmse_ratio']:.3g} (RMSE ")
    assert rows["first class, first five"] == "100.00%, 100.00% the same"
    assert "float64" in repr(view) and "no better sensor" in view._repr_html_()


def test_a_check_of_another_structure_has_no_figures():
    check = accuracy.compare({0: {}}, {0: {"y": np.zeros(1, np.float32)}}, "float32")
    check.metrics |= {"judged_by": "eager", "judge_fallback": "TypeError: no", "input_seeds": "recorded"}
    rows = dict(CheckView(check).rows())
    assert rows["problem"] == "0 outputs instead of 1"
    assert rows["ground truth"] == "eager; not float64: TypeError: no"
    assert "largest error" not in rows
    assert "decided by the recorded inputs" not in rows
    check.metrics["decisions"] = "net.py:12: `if x.sum() > 0` is True"
    assert dict(CheckView(check).rows())["decided by the recorded inputs"] == check.metrics["decisions"]
