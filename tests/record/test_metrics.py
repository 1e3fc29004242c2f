"""The declarations of metrics: complete, and the same where two speak of the same thing."""

from __future__ import annotations

import re

import pytest

from benchlib.record.metrics import METRICS

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


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_declaration_reads_alone(metric):
    """Hover texts show one row without its neighbours: it neither defers to another metric nor goes on from one."""
    names = "|".join(sorted(METRICS, key=len, reverse=True))
    for text in (metric.formula, metric.method):
        assert not re.match(rf"as ({names})\b", text)
        assert not re.search(r"^(…|and |or |the same)|\b(that (median|mean)|in them)\b", text)
