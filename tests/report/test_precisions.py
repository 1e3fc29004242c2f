"""Speed across precisions: shown where a model has several, as ratios of latencies and never as a speedup."""

import matplotlib as mpl
import pytest
from fake_study import EXPORTERS, make_record
from matplotlib.figure import Figure

from benchlib.report import precisions
from benchlib.report.theme import LIGHT

UNDECIDED = dict.fromkeys(("speedup", "speedup_low", "speedup_high", "verdict", "p_value"))
REASON = "what is computed in: float32 in eager, int8 in onnx_dynamo"
ERRORS = dict(zip(EXPORTERS, (0.0, 2e-6, 1e-6, 0.031), strict=True))


@pytest.fixture
def mixed(report_on):
    """resnet18 in three ways of float32 and one of int8, and a model in float32 alone."""
    records = [make_record("resnet18", exporter) for exporter in EXPORTERS]
    for record in records:
        record.metrics |= {"computes": "float32", "error_q999": ERRORS[record.trial["exporter"]]}
    records[3].metrics |= {"computes": "int8", "not_comparable": REASON, **UNDECIDED}
    alone = make_record("all-MiniLM-L6-v2", "eager")
    alone.metrics |= {"computes": "float32", "error_q999": 1e-6}
    return report_on([*records, alone])


def test_only_models_in_several_precisions_are_put_side_by_side(mixed):
    rows = precisions.compared(mixed.table)
    assert [(row.model_name, row.way) for row in rows.itertuples()] == [("resnet18", way) for way in EXPORTERS]
    rest = mixed.table[mixed.table["computes"] == "float32"]
    assert precisions.compared(rest).empty and precisions.sections(rest) == []


def test_a_difference_in_batch_is_no_difference_in_precision(mixed):
    table = mixed.table.copy()
    table.loc[table["computes"] == "int8", "batch_size"] = 8
    assert precisions.compared(table).empty


def test_the_ratio_has_a_name_of_its_own_and_nothing_is_called_faster(mixed):
    text = str(mixed.accuracy().text).partition("Across precisions")[2]
    row = mixed.table[mixed.table["computes"] == "int8"].iloc[0]
    assert f">{row['time_latency'] / row['time_latency_reference']:.2f}<" in text and "latency ratio" in text
    assert "none is called faster" in text and "speedup" not in text
    assert "badge faster" not in text


def test_every_trial_is_a_point_at_its_error_and_latency_and_none_is_lost_for_an_error_of_nothing(mixed):
    with mpl.rc_context(LIGHT.style()):
        figure = precisions.latency_against_error(precisions.compared(mixed.table))
    assert isinstance(figure, Figure) and len(figure.axes) == 1
    points = [tuple(float(v[0]) for v in line.get_data()) for line in figure.axes[0].lines]
    assert len(points) == 4 and {x for x, _ in points} >= {2e-6, 1e-6, 0.031}
    assert min(x for x, _ in points) == pytest.approx(1e-6 / 4), "an error of 0 stands left of all others"
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert len(labels) == 4 and all("ms" in label for label in labels)
