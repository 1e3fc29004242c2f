"""Bounds that a way has to keep."""

import pytest

from benchlib.choosing.where import bounds_of
from benchlib.errors import UserError
from benchlib.record.metrics import Metrics


def test_bounds_are_joined_by_and():
    p99, size = bounds_of("time_latency_p99 < 0.02 and onnx_filesize<=1e6")
    assert (p99.metric, p99.sign, p99.number, size.sign) == ("time_latency_p99", "<", 0.02, "<=")
    assert bounds_of("") == []


def test_a_bound_says_why_it_is_not_kept():
    (bound,) = bounds_of("time_latency_p99 < 0.02")
    assert bound.broken_by(Metrics(time_latency_p99=0.019)) == ""
    assert bound.broken_by(Metrics(time_latency_p99=0.0314)) == "time_latency_p99 is 0.0314, not < 0.02"
    unknown = "time_latency_p99 is not known: 50 independent samples are too few for it"
    assert bound.broken_by(Metrics(time_latency_p99=None, samples_independent=50)) == unknown
    assert "timed in loops" in bound.broken_by(Metrics(time_latency_p99=None, calls_per_sample=12))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time_latency_p99", "is no bound"),
        ("time_latency_p99 < fast", "'fast' is no number"),
        ("time_latencyp99 < 1", "unknown metric 'time_latencyp99'; did you mean 'time_latency_p99'"),
        ("__import__('os') < 1", "is no bound"),
    ],
)
def test_what_is_no_bound_is_one_line(text, said):
    with pytest.raises(UserError, match=said) as error:
        bounds_of(text)
    assert len(str(error.value).splitlines()) == 1
