"""The declarations of metrics: complete, and the same where two speak of the same thing."""

from __future__ import annotations

import re

import pytest

from benchlib.record.metrics import METRICS, Metrics, UndeclaredMetric

OURS = ("abs", "rel", "avg", "dnan", "n", "share")


@pytest.mark.parametrize("name", OURS)
def test_a_discrepancy_at_other_shapes_is_the_same_figure(name):
    own, dynamic = METRICS[f"discrepancies_{name}"], METRICS[f"discrepancies_dynamic_{name}"]
    assert (dynamic.unit, dynamic.better, dynamic.group) == (own.unit, own.better, own.group)
    assert dynamic.formula.startswith(own.formula) and "dynamic_shapes" in dynamic.formula


def test_no_name_is_declared_twice_and_every_direction_is_known():
    from benchlib.record import metrics

    names = [row[0] for group in metrics._GROUPS for row in group.ROWS]
    assert len(names) == len(set(names)) == len(METRICS)
    assert {m.better for m in METRICS.values()} <= {"", "lower", "higher"}
    assert all(m.formula for m in METRICS.values())


@pytest.mark.parametrize(
    "name", ["dynamic", "with_loss", "computes", "not_comparable", "exported_at", "dynamic_shapes"]
)
def test_words_and_flags_have_no_unit(name):
    assert METRICS[name].unit == "" and METRICS[name].group != "numerics", "or a table would read them as numbers"


MISSPELT = {
    "at first": lambda: Metrics({"time_latancy": 1.0}),
    "by keyword": lambda: Metrics(time_latancy=1.0),
    "one by one": lambda: Metrics().__setitem__("time_latancy", 1.0),
    "update": lambda: Metrics().update({"time_latancy": 1.0}),
    "setdefault": lambda: Metrics().setdefault("time_latancy", 1.0),
    "|": lambda: Metrics() | {"time_latancy": 1.0},
    "|=": lambda: Metrics().__ior__({"time_latancy": 1.0}),
}


@pytest.mark.parametrize("make", MISSPELT.values(), ids=MISSPELT)
def test_a_name_that_is_not_declared_is_refused_with_the_one_that_may_be_meant(make):
    with pytest.raises(UndeclaredMetric) as error:
        make()
    assert str(error.value) == "no metric is declared as 'time_latancy'; did you mean 'time_latency'?"


def test_declared_names_and_labels_are_taken():
    metrics = Metrics(time_latency=1.0) | {"label_author": "google"}
    metrics |= {"verdict": "same"}
    assert metrics.setdefault("verdict", "faster") == "same" and metrics.setdefault("speedup", 2.0) == 2.0
    assert metrics == {"time_latency": 1.0, "label_author": "google", "verdict": "same", "speedup": 2.0}
    assert isinstance(metrics, Metrics)


def test_stored_metrics_keep_names_that_are_no_longer_declared():
    stored = Metrics.from_json({"time_of_old": 1.0, "time_latency": 2.0})
    assert stored == {"time_of_old": 1.0, "time_latency": 2.0}
    with pytest.raises(UndeclaredMetric):
        stored["time_of_tomorrow"] = 1.0


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_declaration_reads_alone(metric):
    """Hover texts show one row without its neighbours: it neither defers to another metric nor goes on from one."""
    names = "|".join(sorted(METRICS, key=len, reverse=True))
    for text in (metric.formula, metric.method):
        assert not re.match(rf"as ({names})\b", text)
        assert not re.search(r"^(…|and |or |the same)|\b(that (median|mean)|in them)\b", text)
