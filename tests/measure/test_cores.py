"""How many cores were used and wanted, on blocks whose counters are known."""

import numpy as np
import pytest

from benchlib.measure.cores import cores_of
from benchlib.measure.samples import STEADY, Block

WALL = 40_000_000  # nanoseconds


def block(cores: float, delay: float | None = None) -> Block:
    found = Block(0, 0, 0, STEADY, 0, WALL, int(cores * WALL), 0, np.ones(1, np.uint64))
    if delay is not None:
        found.noise["run_delay"] = int(delay * WALL)
    return found


def test_a_quiet_host_uses_what_it_wants():
    found = cores_of([block(1.98, 0.0)] * 20)
    assert (found.used, found.wanted) == (pytest.approx(1.98, abs=1e-3), pytest.approx(1.98, abs=1e-3))


def test_two_threads_that_share_one_core_show_in_the_blocks_that_had_two():
    found = cores_of([block(1.0)] * 18 + [block(1.9)] * 2)
    assert found.used == pytest.approx(1.9, abs=1e-3)
    assert found.wanted == pytest.approx(1.0, abs=1e-3), "nothing is known of what they waited"


def test_two_threads_that_always_share_one_core_show_in_what_they_wait():
    found = cores_of([block(1.0, 0.95)] * 20)
    assert (found.used, found.wanted) == (pytest.approx(1.0, abs=1e-3), pytest.approx(1.95, abs=1e-3))


def test_one_thread_that_is_kept_waiting_wants_one_core():
    assert cores_of([block(0.4, 0.6)] * 20).wanted == pytest.approx(1.0, abs=1e-3)


def test_a_wait_from_before_some_blocks_is_no_thread_of_theirs():
    assert cores_of([block(0.9, 0.1)] * 12 + [block(0.9, 30.0)] * 8).wanted == pytest.approx(1.0, abs=1e-3)
