from __future__ import annotations

import matplotlib as mpl
import pytest
from fake_study import EVIL
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.text import Text

from benchlib.report import panels, plots
from benchlib.report.collate import read
from benchlib.report.page import Report
from benchlib.report.theme import DARK, LIGHT, picture

pytestmark = pytest.mark.slow


@pytest.fixture
def results(study):
    return read(study).table


def drawn(draw, table, *arguments):
    """The figure as it is laid out on light paper."""
    with mpl.rc_context(LIGHT.style()):
        figure = draw(table, *arguments, LIGHT)
        FigureCanvasAgg(figure).draw()
    return figure


def texts(figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text()]


@pytest.mark.parametrize(
    "draw", [plots.speedup, plots.accuracy, plots.costs, lambda t, theme: plots.latency(t, {}, theme)]
)
def test_no_trial_is_left_out_of_a_figure(results, draw):
    shown = texts(drawn(draw, results))
    assert sum("onnx_dynamo · batch" in t for t in shown) == 7
    for ending in (
        "failed · export",
        "timeout · export",
        "crashed · measure",
        "oom · run",
        "refused",
        "skipped",
        "not run",
    ):
        assert ending in shown, ending
    assert EVIL in shown


def test_the_speedup_figure_says_the_figures_in_words(results):
    shown = texts(plots.speedup(results))
    assert any(t.startswith("2.21×") and "(2.16–2.26)" in t for t in shown)
    assert any(t.startswith("inaccurate") for t in shown)


def test_the_latency_figure_draws_every_sample(study):
    report = Report(study)
    assert {len(s) for s in report.samples.values()} == {300} and len(report.samples) == 19
    figure = drawn(plots.latency, report.table, report.samples)
    assert sum("(n = 300)" in t for t in texts(figure)) == 19


def test_few_samples_are_dots_and_many_a_density(study):
    report = Report(study)
    key = next(iter(report.samples))
    report.samples[key] = report.samples[key][: plots.DENSE - 1]
    figure = drawn(plots.latency, report.table, report.samples)
    dots = [line for line in figure.findobj(Line2D) if line.get_marker() == "o" and len(line.get_xdata()) > 1]
    assert [len(line.get_xdata()) for line in dots] == [plots.DENSE - 1]
    densities = [c for c in figure.findobj(PolyCollection) if c.get_visible()]
    assert len(densities) == 18


def test_no_label_is_cut(results):
    results["way"] = results["way"] + " with a long option=of-the-runtime"
    figure = drawn(plots.speedup, results)
    whole = figure.get_tightbbox()  # what is saved, in inches
    extents = {t.get_text(): t.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
               for t in figure.findobj(Text) if t.get_visible() and t.get_text()}  # fmt: skip
    assert len(extents) > 30
    for text, extent in extents.items():
        assert extent.x0 >= whole.x0 - 0.02 and extent.x1 <= whole.x1 + 0.02, text
    assert whole.width < panels.WIDTH * 1.05, "the words still leave room inside the figure"


def test_names_with_dollar_signs_and_great_length_are_drawn(results):
    table = results.copy()
    table["model_name"] = "a$_{b}$ " + "very-" * 40 + "long"
    figure = drawn(plots.speedup, table)
    assert any(t.startswith("a$_{b}$ very") and "…" in t and t.endswith("long") for t in texts(figure))


def test_an_exporter_has_one_colour_in_all_figures(results):
    all_of_them = plots._colours(results, DARK)
    some = plots._colours(results[results["exporter"] != "eager"], DARK)
    assert some == {name: all_of_them[name] for name in some} and len(set(all_of_them.values())) == 4


def test_a_large_study_is_drawn_in_parts_of_whole_models(results):
    parts = panels.parts(results, most=10)
    assert [len(p) for p in parts] == [8, 8, 8, 4]
    assert all(p["model_name"].nunique() == 1 for p in parts)


def test_a_picture_has_both_themes_and_an_escaped_text(results):
    html = picture(lambda theme: plots.speedup(results.head(4), theme), f'a "text" of {EVIL}')
    assert html.count("data:image/svg+xml;base64,") == 2 and "prefers-color-scheme: dark" in html
    assert "&lt;script&gt;" in html and "&#34;text&#34;" in html and "<script" not in html
