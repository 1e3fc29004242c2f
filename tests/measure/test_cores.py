"""How many cores were used, on blocks whose counters are known."""

import numpy as np
import pytest

from benchlib.measure.cores import cores_used
from benchlib.measure.samples import STEADY, Block

WALL = 40_000_000  # nanoseconds


def block(cores: float, **noise) -> Block:
    return Block(0, 0, 0, STEADY, 0, WALL, int(cores * WALL), 0, np.ones(1, np.uint64), noise=noise)


def test_all_blocks_count_alike_on_a_quiet_host():
    assert cores_used([block(1.98)] * 20) == pytest.approx(1.98, abs=1e-3)


def test_two_threads_that_mostly_share_one_core_show_in_the_blocks_that_had_two():
    assert cores_used([block(1.0)] * 12 + [block(1.9)] * 8) == pytest.approx(1.9, abs=1e-3)


def test_a_reading_that_went_wrong_is_no_thread():
    assert cores_used([block(1.0)] * 18 + [block(7.0)] * 1) < 1.5
    assert cores_used([block(0.9)] * 15 + [block(1.3)] * 2) == pytest.approx(0.95, abs=0.01)


def test_waiting_is_no_work():
    assert cores_used([block(0.4, run_delay=30 * WALL)] * 20) == pytest.approx(0.4, abs=1e-3)
