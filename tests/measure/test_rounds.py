"""The rules of a replicate, on simulated contenders and an injected clock."""

import itertools
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from benchlib.measure import rounds, schedule
from benchlib.measure.levels import LEVELS, level_of
from benchlib.measure.samples import STEADY, WARMUP, Samples, block_of
from benchlib.trial import Trial
from benchlib.worker.messages import TimedBlock
from tests.measure.simulated import Simulated, World


def replicate(laws, level=LEVELS["quick"], limit=10_000, cost=0.0, warmups=None, seed=7, tick=1, noise=None, cores=()):
    world = World(tick)
    contenders = [Simulated(world, law, noise) for law in laws]
    pace = rounds.Pace(list(warmups or [None] * len(laws)))
    plan = schedule.ReplicatePlan(0, level, seed, limit, start_cost=cost, cores=cores)
    found = rounds.measure_replicate(contenders, plan, pace, world.seconds)
    return found, contenders, pace


def pair(laws, **options):
    found, contenders, _ = replicate(laws, **options)
    return found.blocks, found.warmed_up, contenders


@pytest.mark.parametrize(("seconds", "at_least"), [(0.002, 16), (0.03, 16), (0.2, 5), (1.5, 5)])
def test_the_minimum_of_rounds(seconds, at_least):
    blocks, _, _ = pair([lambda n: seconds, lambda n: seconds / 2])
    found = {e.round for e in blocks if e.phase == STEADY}
    assert len(found) >= at_least
    if seconds > 1:
        steady = [e for e in blocks if e.phase == STEADY]
        assert {(e.contender, len(e.ns), e.discarded) for e in steady} == {(0, 1, 0), (1, 2, 1)}


def steady_of(laws, **options):
    """The steady blocks of each contender."""
    blocks, _, _ = pair(laws, **options)
    return [[e for e in blocks if e.phase == STEADY and e.contender == index] for index in range(len(laws))]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("other", [0.0005, 0.004, 0.02])
def test_blocks_of_all_contenders_take_equal_time_within_a_call(level, other):
    one, two = steady_of([lambda n: 0.001, lambda n: other], level=LEVELS[level], limit=100_000)
    seconds = [{(e.end - e.start) / 1e9 for e in blocks} for blocks in (one, two)]
    ((own,), (beside,)) = seconds
    assert abs(own - beside) <= max(0.001, other) + 1e-9 or beside == 2 * other  # a discarded call and one that counts
    assert min(own, beside) > LEVELS[level].block_time - max(0.001, other)


@pytest.mark.parametrize("slow", [0.0012, 0.01, 0.05, 0.3, 0.5, 0.99, 1.01, 5.0])
def test_a_fast_ways_samples_do_not_depend_on_how_slow_its_reference_is(slow):
    """The first calls after a stop take longer: a 1 ms way shows its own latency beside any other."""

    def after_a_stop():
        """1 ms, and after a stop 20, 7 and 3 % more."""
        state = {"blocks": 0, "call": 0}

        def law(n):
            if contenders[1].resumed:
                contenders[1].resumed, state["call"] = False, 0
            late = {0: 1.2, 1: 1.07, 2: 1.03}.get(state["call"], 1.0)
            state["call"] += 1
            return 0.001 * late

        return law

    class Stopped(Simulated):
        resumed = True

        def freeze(self):
            self.resumed = True
            super().freeze()

    world, contenders = World(), []
    contenders += [Simulated(world, lambda n: slow), Stopped(world, after_a_stop())]
    plan = schedule.ReplicatePlan(0, LEVELS["quick"], 7, 7000)
    found = rounds.measure_replicate(contenders, plan, rounds.Pace([5, 50]), world.seconds)
    fast = [e for e in found.blocks if e.phase == STEADY and e.contender == 1]
    assert all(e.discarded >= 3 and len(e.seconds) >= 10 for e in fast)
    every = np.concatenate([e.seconds for e in fast])
    assert np.mean(every > 0.00102) == 0
    first = np.concatenate([e.all_seconds[:3] for e in fast])
    assert first.min() > 0.00102, "what is left out is what a stop costs"


@pytest.mark.parametrize(
    ("seconds", "discarded"), [(0.0002, 15), (0.001, 3), (0.0015, 2), (0.004, 1), (0.9, 1), (1.1, 0)]
)
def test_discarded_is_what_a_contender_itself_needs(seconds, discarded):
    alone = schedule.plan_block(seconds, 1, 0.033, 1000)
    assert alone.discarded == discarded and alone.samples >= 1
    for other in (0.0002, 0.003, 0.4, 3.0):
        plan = schedule.plan_rounds(schedule.ReplicatePlan(0, LEVELS["quick"], 7, 10**6), [seconds, other], [1, 1])
        assert plan.blocks[0].discarded == discarded


def test_where_samples_are_scarce_half_of_a_block_may_be_discarded():
    assert schedule.plan_block(1e-4, 1, 0.033, 20) == schedule.BlockPlan(10, 10, 1)
    assert schedule.plan_block(1e-4, 1, 0.033, 1) == schedule.BlockPlan(1, 1, 1)


def test_a_replicate_beside_a_slow_reference_takes_as_long_as_that_one_alone():
    slow, fast = steady_of([lambda n: 0.5, lambda n: 0.001])
    alone, _ = steady_of([lambda n: 0.5, lambda n: 0.5])
    assert sum(e.end - e.start for e in slow) == sum(e.end - e.start for e in alone)
    assert sum(e.end - e.start for e in fast) < 0.1 * sum(e.end - e.start for e in slow)


@pytest.mark.parametrize(("level", "least"), [("quick", 0.67 * 6), ("precise", 6.0)])
def test_a_replicate_measures_in_proportion_to_what_starting_it_took(level, least):
    blocks, _, _ = pair([lambda n: 0.002, lambda n: 0.002], level=LEVELS[level], cost=6.0)
    steady = [e for e in blocks if e.phase == STEADY]
    assert least <= (steady[-1].end - steady[0].start) / 1e9 <= least + 0.5


def test_quick_is_six_replicates_that_take_the_time_of_five():
    """Starting included, whatever it costs; and each of two contenders starts first equally often."""
    level = LEVELS["quick"]
    for start in (0.1, 1.0, 4.0, 10.0):
        six = level.replicates * (start + max(level.replicate_time, level.start_share * start))
        five = 5 * (start + max(1.0, start))
        assert level.replicates == 6 and 0.9 < six / five <= 1.1
    assert 6 * level.budget == pytest.approx(5 * 1.8)
    assert all(found.replicates % 2 == 0 for name, found in LEVELS.items() if found.margin < 1)


def test_nothing_is_dropped_and_blocks_never_overlap():
    blocks, _, contenders = pair([lambda n: 0.003, lambda n: 0.002])
    for index, contender in enumerate(contenders):
        assert sum(len(e.ns) for e in blocks if e.contender == index) == contender.calls
    assert all(a.end <= b.start for a, b in itertools.pairwise(blocks))


def test_the_limit_of_samples_makes_blocks_shorter_and_thins_nothing():
    blocks, _, _ = pair([lambda n: 1e-5, lambda n: 1e-5], limit=2000)
    assert sum(len(e.ns) for e in blocks if e.phase == STEADY) <= 2000
    assert len({e.round for e in blocks if e.phase == STEADY}) >= LEVELS["quick"].min_rounds


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
    assert min(counts) >= 5 and max(counts) - min(counts) <= 1
    assert contenders[0].cores[: -len(one)] == [None] * (len(contenders[0].cores) - len(one)), "warming up is free"


def test_all_contenders_begin_a_round_with_the_same_inputs_however_long_each_warmed_up():
    _, _, contenders = pair([lambda n: 0.002, lambda n: 0.003], warmups=[3, 11])
    one, other = ([number for number in c.input_sets if number is not None] for c in contenders)
    assert one == other == list(range(len(one)))


def test_the_cores_of_rounds_are_drawn_from_the_seed():
    drawn = lambda seed, pair: list(islice(schedule.first_cores(seed, pair, range(8)), 40))  # noqa: E731
    assert drawn(3, 1) == drawn(3, 1)
    assert drawn(3, 1) != drawn(4, 1) != drawn(4, 2)


def test_where_there_is_one_core_there_is_nothing_to_choose():
    assert list(islice(schedule.first_cores(3, 1, [4]), 3)) == [None, None, None]


def seeded_orders(seed, pair, contenders, count):
    return list(islice(schedule.orders(seed, pair, contenders), count))


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
    assert min(pace.loops) > 1
    assert {(e.contender, e.loops) for e in steady} == set(enumerate(pace.loops))
    medians = [np.median(np.concatenate([e.seconds for e in steady if e.contender == c])) for c in (0, 1)]
    assert medians == pytest.approx([20e-6, 30e-6], rel=0.01)


@pytest.mark.parametrize(("tick", "shortest"), [(1, 1e-3), (1000, 1e-3), (1_000_000, 0.1)])
def test_a_loop_is_long_against_the_clocks_steps(tick, shortest):
    world = World(tick)
    loops, blocks = schedule.calibrate(Simulated(world, lambda n: 20e-6), 20e-6, 20e-6)
    assert shortest <= loops * 20e-6 < 4 * shortest
    assert [e.loops for e in blocks] == [2**n for n in range(len(blocks))]


def test_a_clock_too_coarse_for_any_loop_still_ends():
    loops, _ = schedule.calibrate(Simulated(World(15_000_000), lambda n: 20e-6), 20e-6, 20e-6)
    assert schedule.LOOP_LIMIT / 2 < loops * 20e-6 <= schedule.LOOP_LIMIT


def test_later_replicates_use_the_first_ones_loops():
    world = World()
    pace = rounds.Pace([3, 3], loops=[64, 32])
    plan = schedule.ReplicatePlan(1, LEVELS["quick"], 0, 10_000)
    found = rounds.measure_replicate([Simulated(world, lambda n: 20e-6)] * 2, plan, pace, world.seconds)
    assert {(e.contender, e.loops) for e in found.blocks if e.phase == STEADY} == {(0, 64), (1, 32)}


def test_a_slow_contender_leaves_the_loops_of_a_quick_one_long():
    found, _, pace = replicate([lambda n: 10e-6, lambda n: 0.02])
    assert pace.loops == [128, 1]
    assert {(e.contender, e.loops) for e in found.blocks if e.phase == STEADY} == {(0, 128), (1, 1)}


def test_beside_loops_a_call_that_could_be_timed_alone_is_timed_in_loops_as_long():
    """The median of single calls and that of means over several are not one thing."""
    _, _, pace = replicate([lambda n: 50e-6, lambda n: 150e-6])
    assert pace.loops == [32, 8]
    _, _, pace = replicate([lambda n: 101e-6, lambda n: 150e-6])
    assert pace.loops == [1, 1]


def test_calls_that_take_no_time_at_all_end_too():
    assert schedule.calibrate(Simulated(World(), lambda n: 0.0), 1e-9, 1e-9)[0] == schedule.LOOP_CALLS


def test_a_clock_that_goes_back_is_an_error():
    with pytest.raises(ValueError, match="went back"):
        block_of(TimedBlock([5, -3], start=0, end=10, cpu=0), contender=0, replicate=0, round_=0)
