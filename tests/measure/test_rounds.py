"""The rules of a replicate, on simulated contenders and an injected clock."""

import itertools
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from benchlib.measure import rounds
from benchlib.measure.levels import LEVELS, level_of
from benchlib.measure.samples import STEADY, WARMUP, Samples, block_of
from benchlib.trial import Trial
from benchlib.worker.messages import TimedBlock
from tests.measure.simulated import Simulated, World


def replicate(laws, level=LEVELS["quick"], limit=10_000, cost=0.0, warmups=None, seed=7, tick=1, noise=None, cores=()):
    world = World(tick)
    contenders = [Simulated(world, law, noise) for law in laws]
    pace = rounds.Pace(list(warmups or [None] * len(laws)))
    plan = rounds.ReplicatePlan(0, level, seed, limit, start_cost=cost, cores=cores)
    found = rounds.measure_replicate(contenders, plan, pace, world.seconds)
    return found, contenders, pace


def pair(laws, **options):
    found, contenders, _ = replicate(laws, **options)
    return found.blocks, found.warmed_up, contenders


@pytest.mark.parametrize(("seconds", "at_least"), [(0.002, 20), (0.03, 20), (0.2, 6), (1.5, 6)])
def test_the_minimum_of_rounds(seconds, at_least):
    blocks, _, _ = pair([lambda n: seconds, lambda n: seconds / 2])
    found = {e.round for e in blocks if e.phase == STEADY}
    assert len(found) >= at_least
    if seconds > 1:
        assert all(len(e.ns) == 1 and e.discarded == 0 for e in blocks if e.phase == STEADY)


def test_equal_iterations_and_the_first_call_after_a_stop_left_out():
    blocks, _, _ = pair([lambda n: 0.001, lambda n: 0.004])
    steady = [e for e in blocks if e.phase == STEADY]
    assert len({len(e.ns) for e in steady}) == 1
    assert all(e.discarded == 1 for e in steady)


def test_a_pair_measures_as_long_as_it_took_to_start():
    blocks, _, _ = pair([lambda n: 0.002, lambda n: 0.002], cost=5.0)
    steady = [e for e in blocks if e.phase == STEADY]
    assert (steady[-1].end - steady[0].start) / 1e9 >= 5.0


def test_nothing_is_dropped_and_blocks_never_overlap():
    blocks, _, contenders = pair([lambda n: 0.003, lambda n: 0.002])
    for index, contender in enumerate(contenders):
        assert sum(len(e.ns) for e in blocks if e.contender == index) == contender.calls
    assert all(a.end <= b.start for a, b in itertools.pairwise(blocks))


def test_the_limit_of_samples_makes_blocks_shorter_and_thins_nothing():
    blocks, _, _ = pair([lambda n: 1e-5, lambda n: 1e-5], limit=2000)
    assert sum(len(e.ns) for e in blocks if e.phase == STEADY) <= 2000
    assert len({e.round for e in blocks if e.phase == STEADY}) >= 20


@pytest.mark.parametrize(("level", "said"), [("quick", [False, True]), ("precise", [True, True])])
def test_slow_first_calls_belong_to_the_warm_up(level, said):
    """Level quick allows less time for it than it takes to be sure of this one, and says that it was not."""
    law = lambda n: 0.01 * (1 + 2 * np.exp(-n / 10))  # noqa: E731
    blocks, warmed_up, _ = pair([law, lambda n: 0.01], level=LEVELS[level])
    warm = sum(len(e.ns) for e in blocks if e.contender == 0 and e.phase == WARMUP)
    assert warmed_up == said
    assert 30 <= warm <= 110
    steady = np.concatenate([e.ns for e in blocks if e.contender == 0 and e.phase == STEADY])
    assert abs(np.median(steady) / 1e7 - 1) < 0.005


def test_a_latency_that_never_settles_is_said_to():
    chance = np.random.default_rng(0)
    _, warmed_up, _ = pair([lambda n: 0.05 * float(np.exp(chance.normal(0, 0.8))), lambda n: 0.01])
    assert warmed_up == [False, True]


def test_later_replicates_repeat_the_warm_up():
    blocks, _, _ = pair([lambda n: 0.01, lambda n: 0.01], warmups=[17, 4])
    warm = [sum(len(e.ns) for e in blocks if e.contender == i and e.phase == WARMUP) for i in range(2)]
    assert warm == [17, 4]


@pytest.mark.parametrize("repeat", [1, 3, 30, 97, 100])
def test_a_fixed_number_of_samples_is_exact(repeat):
    trial = Trial(model="planted/plain", exporter="planted", repeat=repeat, warmup=2)
    blocks, _, _ = pair([lambda n: 0.001, lambda n: 0.001], level=level_of(trial), warmups=[2, 2])
    samples = Samples(["a", "b"], blocks=blocks)
    assert len(samples.counted(0)) == len(samples.counted(1)) == repeat


def test_all_contenders_of_a_round_begin_on_one_core_and_each_core_has_its_turn():
    _, _, contenders = pair([lambda n: 0.002, lambda n: 0.003], cores=(0, 2, 5))
    one, other = ([core for core in c.cores if core is not None] for c in contenders)
    assert one == other
    counts = [one.count(core) for core in (0, 2, 5)]
    assert min(counts) >= 6 and max(counts) - min(counts) <= 1
    assert contenders[0].cores[: -len(one)] == [None] * (len(contenders[0].cores) - len(one)), "warming up is free"


def test_all_contenders_begin_a_round_with_the_same_inputs_however_long_each_warmed_up():
    _, _, contenders = pair([lambda n: 0.002, lambda n: 0.003], warmups=[3, 11])
    one, other = ([number for number in c.input_sets if number is not None] for c in contenders)
    assert one == other == list(range(len(one)))


def test_the_cores_of_rounds_are_drawn_from_the_seed():
    drawn = lambda seed, pair: list(islice(rounds.first_cores(seed, pair, range(8)), 40))  # noqa: E731
    assert drawn(3, 1) == drawn(3, 1)
    assert drawn(3, 1) != drawn(4, 1) != drawn(4, 2)


def test_where_there_is_one_core_there_is_nothing_to_choose():
    assert list(islice(rounds.first_cores(3, 1, [4]), 3)) == [None, None, None]


def seeded_orders(seed, pair, contenders, count):
    return list(islice(rounds.orders(seed, pair, contenders), count))


def test_the_order_is_reproducible_and_fair():
    for contenders in (2, 3, 5):
        found = seeded_orders(3, 1, contenders, contenders * 10)
        assert found == seeded_orders(3, 1, contenders, contenders * 10)
        firsts = Counter(o[0] for o in found)
        assert max(firsts.values()) - min(firsts.values()) <= 1
    assert seeded_orders(3, 1, 2, 40) != seeded_orders(4, 1, 2, 40) != seeded_orders(4, 2, 2, 40)


def test_the_blocks_stand_in_the_seeded_order():
    blocks, _, _ = pair([lambda n: 0.001, lambda n: 0.001], seed=11)
    found: dict[int, list[int]] = {}
    for e in blocks:
        if e.phase == STEADY:
            found.setdefault(e.round, []).append(e.contender)
    assert [found[r] for r in sorted(found)] == seeded_orders(11, 0, 2, len(found))


def test_it_ends_when_the_samples_are_enough_but_not_before_its_minimum():
    level = LEVELS["precise"]
    found, _, _ = replicate([lambda n: 0.002, lambda n: 0.001], level=level)
    steady = [e for e in found.blocks if e.phase == STEADY]
    assert found.converged == [True, True]
    assert found.half_widths == [0.0, 0.0]
    assert len({e.round for e in steady}) == level.min_rounds
    assert (steady[-1].end - steady[0].start) / 1e9 >= level.replicate_time


@pytest.mark.parametrize("level", ["quick", "precise"])
def test_a_sampler_that_never_converges_ends_with_its_budget(level):
    level, chance = LEVELS[level], np.random.default_rng(8)
    wild = lambda n: 0.002 * float(np.exp(chance.normal(0, 0.05) + 0.5 * np.sin(n / 300)))  # noqa: E731
    found, _, _ = replicate([wild, lambda n: 0.002], level=level, limit=100_000)
    steady = [e for e in found.blocks if e.phase == STEADY]
    longest = max(e.end - e.start for e in steady) / 1e9
    assert (steady[-1].end - steady[0].start) / 1e9 == pytest.approx(level.budget, abs=3 * longest)
    assert found.converged == [False, True]
    assert found.half_widths[0] > level.target


@pytest.mark.parametrize("tick", [1, 1000])
def test_calls_too_short_to_be_timed_alone_are_timed_in_loops(tick):
    found, _, pace = replicate([lambda n: 20e-6, lambda n: 30e-6], tick=tick)
    steady = [e for e in found.blocks if e.phase == STEADY]
    assert pace.loops > 1
    assert {e.loops for e in steady} == {pace.loops}
    medians = [np.median(np.concatenate([e.seconds for e in steady if e.contender == c])) for c in (0, 1)]
    assert medians == pytest.approx([20e-6, 30e-6], rel=0.01)


@pytest.mark.parametrize(("tick", "shortest"), [(1, 1e-3), (1000, 1e-3), (1_000_000, 0.1)])
def test_a_loop_is_long_against_the_clocks_steps(tick, shortest):
    world = World(tick)
    loops, blocks = rounds.calibrate(Simulated(world, lambda n: 20e-6), 20e-6, 20e-6)
    assert shortest <= loops * 20e-6 < 4 * shortest
    assert [e.loops for e in blocks] == [2**n for n in range(len(blocks))]


def test_a_clock_too_coarse_for_any_loop_still_ends():
    loops, _ = rounds.calibrate(Simulated(World(15_000_000), lambda n: 20e-6), 1e-9, 20e-6)
    assert rounds.LOOP_LIMIT / 2 < loops * 20e-6 <= rounds.LOOP_LIMIT


def test_later_replicates_use_the_first_ones_loops():
    world = World()
    pace = rounds.Pace([3, 3], loops=64)
    plan = rounds.ReplicatePlan(1, LEVELS["quick"], 0, 10_000)
    found = rounds.measure_replicate([Simulated(world, lambda n: 20e-6)] * 2, plan, pace, world.seconds)
    assert {e.loops for e in found.blocks if e.phase == STEADY} == {64}


def test_one_slow_contender_keeps_the_loops_of_all_short():
    found, _, pace = replicate([lambda n: 10e-6, lambda n: 0.02])
    assert pace.loops * 0.02 <= rounds.LOOP_LIMIT
    assert {e.loops for e in found.blocks if e.phase == STEADY} == {pace.loops}


def test_calls_that_take_no_time_at_all_end_too():
    assert rounds.calibrate(Simulated(World(), lambda n: 0.0), 1e-9, 1e-9)[0] == rounds.LOOP_CALLS


def test_a_clock_that_goes_back_is_an_error():
    with pytest.raises(ValueError, match="went back"):
        block_of(TimedBlock([5, -3], start=0, end=10, cpu=0), contender=0, replicate=0, round_=0)
