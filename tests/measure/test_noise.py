"""Flags of disturbance, and what a disturbed round leads to."""

import numpy as np
import pytest

from benchlib.measure import noise
from benchlib.measure.levels import LEVELS
from benchlib.measure.samples import STEADY, Block, ReferenceReading, Samples
from tests.measure.test_rounds import replicate

MS = 10**6


def block(counts, milliseconds=100, replicate=0, round_=0, contender=0):
    ns = np.full(3, milliseconds * MS // 3, np.uint64)
    return Block(contender, replicate, round_, STEADY, 0, milliseconds * MS, 0, 1, ns, noise=counts)


@pytest.mark.parametrize(
    ("counts", "flag"),
    [
        ({"steal": 2 * MS}, "steal"),
        ({"pressure": 26 * MS}, "pressure"),
        ({"pressure": 24 * MS}, None),
        ({"run_delay": 2 * MS}, "run_delay"),
        ({"run_delay": 2 * MS, "threads": 4}, None),  # half a per cent of each thread's time
        ({"involuntary": 5}, "switches"),
        ({"involuntary": 4}, None),
        ({"throttled": 1}, "throttled"),
        ({"thermal": 1}, "throttled"),
        ({"major_faults": 1}, "faults"),
        ({"gpu_sm_clock_before": 1980, "gpu_sm_clock": 1900}, "clock_moved"),
        ({"gpu_sm_clock_before": 1980, "gpu_sm_clock": 1979}, None),
        ({"gpu_reasons_before": 0, "gpu_reasons": 0x40}, "gpu_throttled"),
        ({"minor_faults": 1000, "voluntary": 1000, "steal": MS // 2}, None),
        ({}, None),
    ],
)
def test_flags(counts, flag):
    assert noise.flags(block(counts)) == ((flag,) if flag else ())
    assert flag is None or flag in noise.WORDS


def reading(replicate, when, compute, contender=0):
    return ReferenceReading(replicate, contender, when, [compute] * 3, [10] * 3)


def test_the_reference_load_marks_the_half_of_the_rounds_beside_it():
    blocks = [block({}, replicate=p, round_=r) for p in range(3) for r in range(10)]
    usual = [reading(p, when, 100) for p in range(3) for when in ("start", "end")]
    usual[3].compute = [104] * 3  # the end of the second replicate
    samples = Samples(["a"], 0, blocks, usual)
    flags = noise.flags_of(samples)
    marked = [(b.replicate, b.round) for b, f in zip(blocks, flags, strict=True) if f == (noise.DRIFT,)]
    assert marked == [(1, r) for r in range(5, 10)]
    assert noise.summary(samples) == {**dict.fromkeys(noise.FLAGS, 0), noise.DRIFT: 5, "any": 5}


def test_no_reference_load_no_drift():
    assert noise.flags_of(Samples(["a"], 0, [block({})])) == [()]


def disturbed(at):
    """Counters of contenders whose calls in `at` are disturbed: those of the first block that ends at or after one."""
    left = set(at)

    def counters(calls):
        seen = {n for n in left if n <= calls}
        left.difference_update(seen)
        return {"throttled": len(seen)}

    return counters


def test_a_disturbed_round_is_repeated_by_all_contenders_and_counted():
    found, _, _ = replicate([lambda n: 0.002, lambda n: 0.002], noise=disturbed([200]))
    steady = [e for e in found.blocks if e.phase == STEADY]
    again = {e.round: e.repeats for e in steady if e.repeats >= 0}
    assert 1 <= found.retried == len(again)
    for round_, origin in again.items():
        assert {e.contender for e in steady if e.round == round_} == {0, 1}
        assert any(noise.flags(e) for e in steady if e.round == origin)
    per_origin = [list(again.values()).count(origin) for origin in set(again.values())]
    assert max(per_origin) <= 2
    assert len(steady) >= 2 * (LEVELS["quick"].min_rounds + found.retried)


def test_a_machine_that_is_always_disturbed_repeats_twice_at_most_and_ends_within_its_budget():
    level = LEVELS["quick"]
    found, _, _ = replicate([lambda n: 0.002, lambda n: 0.002], noise=lambda calls: {"throttled": 1})
    steady = [e for e in found.blocks if e.phase == STEADY]
    originals = len({e.round for e in steady if e.repeats < 0})
    assert originals >= level.min_rounds
    assert found.retried <= 2 * originals
    assert all(noise.flags(e) for e in steady)


def test_an_undisturbed_replicate_repeats_nothing():
    found, _, _ = replicate([lambda n: 0.002, lambda n: 0.002])
    assert found.retried == 0
    assert all(e.repeats == -1 for e in found.blocks)
