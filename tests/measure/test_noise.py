"""Flags of disturbance, and what a disturbed round leads to."""

import numpy as np
import pytest

from benchlib.measure import noise
from benchlib.measure.host_load import HostLoad
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
        ({"steal": 6 * MS}, "steal"),
        ({"steal": 4 * MS}, None),
        ({"pressure": 51 * MS}, "pressure"),
        ({"pressure": 49 * MS}, None),
        ({"run_delay": 6 * MS}, "run_delay"),
        ({"run_delay": 4 * MS}, None),
        ({"run_delay": 6 * MS, "requested": 2, "threads": 9}, None),  # 3 % of each requested thread's time
        ({"run_delay": 11 * MS, "requested": 2, "threads": 9}, "run_delay"),  # threads that sleep dilute nothing
        ({"run_delay": 6 * MS, "threads": 4}, None),  # an older record does not say how many were requested
        ({"involuntary": 11}, "switches"),
        ({"involuntary": 10}, None),
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
    usual[3].compute = [151] * 3  # the end of the second replicate
    samples = Samples(["a"], 0, blocks, usual)
    flags = noise.flags_of(samples)
    marked = [(b.replicate, b.round) for b, f in zip(blocks, flags, strict=True) if f == (noise.DRIFT,)]
    assert marked == [(1, r) for r in range(5, 10)]
    assert noise.summary(samples) == {**dict.fromkeys(noise.FLAGS, 0), noise.DRIFT: 5, "any": 5}


def test_a_reference_load_that_differs_by_less_than_half_is_no_drift():
    """On a virtual host the neighbours of a core move it by a third, and nobody counts them."""
    usual = [reading(p, when, 100 + 20 * p) for p in range(3) for when in ("start", "end")]
    samples = Samples(["a"], 0, [block({}, replicate=p) for p in range(3)], usual)
    assert noise.summary(samples)["any"] == 0


@pytest.mark.parametrize(("others", "flags"), [(0.0, ()), (0.004, ()), (0.01, ("run_delay",))])
def test_threads_that_wait_for_each_other_are_no_disturbance(others, flags):
    """A pool beside another one waits for a tenth of its time: only what others took of it is theirs."""
    samples = Samples(
        ["a"], 0, [block({"run_delay": 10 * MS})], host=[HostLoad(2.0, 2, others, 0.0, 0.0, 0.0, replicate=0)]
    )
    assert noise.flags_of(samples) == [flags]


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


# -- time lost -----------------------------------------------------------------------------------


def host(replicate=0, others=1.0, steal=0.0, throttled=0.0):
    return HostLoad(2.0, 2, others, 0.0, steal, throttled, replicate=replicate)


def lost(delays, others=1.0, requested=2, **more):
    """What a contender lost whose blocks of 100 ms had these run delays, in milliseconds."""
    blocks = [block({"run_delay": d * MS, "requested": requested, **more}, round_=r) for r, d in enumerate(delays)]
    return noise.time_lost(Samples(["a"], 0, blocks, host=[host(others=others)]), 0)


def test_time_lost_is_a_share_of_the_requested_threads_and_the_median_of_the_blocks():
    found = lost([20, 60, 40, 400, 0])  # of 2 × 100 ms
    assert found.lost == pytest.approx(0.2) and found.oversubscribed == pytest.approx(0)
    assert lost([20, 60, 40, 400, 0], threads=40).lost == pytest.approx(0.2), "threads of a pool that sleep"


def test_steal_and_throttling_are_lost_too():
    blocks = [block({"run_delay": 0, "requested": 1, "steal": 15 * MS, "throttled": 5 * MS})]
    load = host(others=0.0, steal=0.015, throttled=0.005)
    assert noise.time_lost(Samples(["a"], 0, blocks, host=[load]), 0).lost == pytest.approx(0.2)


def test_what_nobody_else_can_have_caused_is_the_way_waiting_for_itself():
    """Two pools of two threads on two quiet cores: each thread waits half of the time, and others took 0.02 s."""
    found = lost([100] * 10, others=0.02)
    assert found.lost == pytest.approx(0.01) and found.oversubscribed == pytest.approx(0.49)
    assert lost([100] * 10, others=5.0).oversubscribed == pytest.approx(0)


def test_others_count_in_their_own_replicate_alone():
    blocks = [block({"run_delay": 50 * MS, "requested": 1}, replicate=r) for r in (0, 0, 1, 1)]
    samples = Samples(["a"], 0, blocks, host=[host(0, others=0.0), host(1, others=9.0)])
    assert noise.attributed(samples) == {0: 0.0, 1: 1.0}


def test_where_others_are_not_measured_the_whole_loss_counts():
    assert lost([50] * 3, others=None).lost == pytest.approx(0.25)


def test_where_the_kernel_keeps_no_delays_nothing_is_said_of_lost_time():
    assert noise.time_lost(Samples(["a"], 0, [block({"requested": 2, "steal": 5 * MS})]), 0) is None


def test_the_quicker_process_tells_how_far_the_reference_load_moved():
    """One process in a hundred runs the loop slower by a fifth; a busy core slows down both."""
    readings = [reading(r, when, 100, c) for r in range(5) for when in ("start", "end") for c in (0, 1)]
    for slow in (r for r in readings if (r.replicate, r.contender) == (2, 1)):
        slow.compute = [120] * 3
    assert noise.load_moved(Samples(["a", "b"], reference_load=readings)) == pytest.approx(0)
    for one in (r for r in readings if (r.replicate, r.when) == (4, "end")):
        one.compute = [125] * 3
    assert noise.load_moved(Samples(["a", "b"], reference_load=readings)) == pytest.approx(0.25)
    assert noise.load_moved(Samples(["a"], reference_load=readings[:1])) is None
