"""Parameters and bytes in words."""

import pytest

from benchlib.plan.in_words import count, size


@pytest.mark.parametrize(
    ("parameters", "words"),
    [(55, "55"), (999, "999"), (4210, "4.21 k"), (999_400, "999 k"), (999_600, "1 M"), (999_999_999, "1 B")],
)
def test_a_count_has_three_digits_and_no_exponent(parameters, words):
    assert count(parameters) == words


@pytest.mark.parametrize(
    ("number", "words"), [(220, "220 bytes"), (1000, "1 kB"), (46_800_000, "46.8 MB"), (24_200_000_000, "24.2 GB")]
)
def test_a_size_of_a_few_bytes_is_not_nothing(number, words):
    assert size(number) == words
