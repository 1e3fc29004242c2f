"""The rules of a replicate, on simulated contenders and an injected clock."""

import itertools
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from benchlib.measure import rounds
from benchlib.measure.levels import LEVELS, level_of
from benchlib.measure.samples import STEADY, WARMUP, Samples
from benchlib.trial import Trial


class World:
    """A clock that only contenders move."""

    def __init__(self, tick=1):
        self.ns = 0
        self.tick = tick  # the clock's resolution
        self.running = None

    def read(self):
        return self.ns // self.tick * self.tick

    def seconds(self):
        return self.ns / 1e9


class Simulated:
    """A contender whose n-th call takes `law(n)` seconds."""

    def __init__(self, world, law, noise=None):
        self.world, self.law, self.calls, self.noise = world, law, 0, noise
        self.cores, self.turns = [], []  # that it was to begin on, and with

    def run(self, samples, inner=1, core=None, turn=None):
        self.cores.append(core)
        self.turns.append(turn)
        assert self.world.running in (None, self), "two contenders ran at the same time"
        self.world.running = self
        start, ns = self.world.ns, []
        for _ in range(samples):
            begin = self.world.read()
            for _ in range(inner):
                self.world.ns += round(self.law(self.calls) * 1e9)
                self.calls += 1
            ns.append(self.world.read() - begin)
        noise = self.noise(self.calls) if self.noise else {}
        return {"ns": ns, "start": start, "end": self.world.ns, "cpu": self.world.ns - start, "inner": inner,
                "tick": self.world.tick, "noise": noise}  # fmt: skip

    def freeze(self):
        if self.world.running is self:
            self.world.running = None


def replicate(laws, level=LEVELS["quick"], limit=10_000, cost=0.0, warmups=None, seed=7, tick=1, noise=None, cores=()):
    world = World(tick)
    contenders = [Simulated(world, law, noise) for law in laws]
    pace = rounds.Pace(list(warmups or [None] * len(laws)))
    found = rounds.measure_pair(contenders, 0, level, seed, cost, pace, limit, world.seconds, cores=cores)
    return found, contenders, pace


def pair(laws, **options):
    found, contenders, _ = replicate(laws, **options)
    return found.epochs, found.settled, contenders


@pytest.mark.parametrize(("seconds", "at_least"), [(0.002, 20), (0.03, 20), (0.2, 6), (1.5, 6)])
def test_the_minimum_of_rounds(seconds, at_least):
    epochs, _, _ = pair([lambda n: seconds, lambda n: seconds / 2])
    found = {e.round for e in epochs if e.phase == STEADY}
    assert len(found) >= at_least
    if seconds > 1:
        assert all(len(e.ns) == 1 and e.skip == 0 for e in epochs if e.phase == STEADY)


def test_equal_iterations_and_the_first_call_after_a_stop_left_out():
    epochs, _, _ = pair([lambda n: 0.001, lambda n: 0.004])
    steady = [e for e in epochs if e.phase == STEADY]
    assert len({len(e.ns) for e in steady}) == 1
    assert all(e.skip == 1 for e in steady)


def test_a_pair_measures_as_long_as_it_took_to_start():
    epochs, _, _ = pair([lambda n: 0.002, lambda n: 0.002], cost=5.0)
    steady = [e for e in epochs if e.phase == STEADY]
    assert (steady[-1].end - steady[0].start) / 1e9 >= 5.0


def test_nothing_is_dropped_and_epochs_never_overlap():
    epochs, _, contenders = pair([lambda n: 0.003, lambda n: 0.002])
    for index, contender in enumerate(contenders):
        assert sum(len(e.ns) for e in epochs if e.contender == index) == contender.calls
    assert all(a.end <= b.start for a, b in itertools.pairwise(epochs))


def test_the_limit_of_samples_makes_epochs_shorter_and_thins_nothing():
    epochs, _, _ = pair([lambda n: 1e-5, lambda n: 1e-5], limit=2000)
    assert sum(len(e.ns) for e in epochs if e.phase == STEADY) <= 2000
    assert len({e.round for e in epochs if e.phase == STEADY}) >= 20


@pytest.mark.parametrize(("level", "said"), [("quick", [False, True]), ("precise", [True, True])])
def test_slow_first_calls_belong_to_the_warm_up(level, said):
    """Level quick allows less time for it than it takes to be sure of this one, and says that it was not."""
    law = lambda n: 0.01 * (1 + 2 * np.exp(-n / 10))  # noqa: E731
    epochs, settled, _ = pair([law, lambda n: 0.01], level=LEVELS[level])
    warm = sum(len(e.ns) for e in epochs if e.contender == 0 and e.phase == WARMUP)
    assert settled == said
    assert 30 <= warm <= 110
    steady = np.concatenate([e.ns for e in epochs if e.contender == 0 and e.phase == STEADY])
    assert abs(np.median(steady) / 1e7 - 1) < 0.005


def test_a_latency_that_never_settles_is_said_to():
    chance = np.random.default_rng(0)
    _, settled, _ = pair([lambda n: 0.05 * float(np.exp(chance.normal(0, 0.8))), lambda n: 0.01])
    assert settled == [False, True]


def test_later_replicates_repeat_the_warm_up():
    epochs, _, _ = pair([lambda n: 0.01, lambda n: 0.01], warmups=[17, 4])
    warm = [sum(len(e.ns) for e in epochs if e.contender == i and e.phase == WARMUP) for i in range(2)]
    assert warm == [17, 4]


@pytest.mark.parametrize("repeat", [1, 3, 30, 97, 100])
def test_a_fixed_number_of_samples_is_exact(repeat):
    trial = Trial(model="planted/plain", exporter="planted", repeat=repeat, warmup=2)
    epochs, _, _ = pair([lambda n: 0.001, lambda n: 0.001], level=level_of(trial), warmups=[2, 2])
    samples = Samples(["a", "b"], epochs=epochs)
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
    one, other = ([turn for turn in c.turns if turn is not None] for c in contenders)
    assert one == other == list(range(len(one)))


def test_the_cores_of_rounds_are_drawn_from_the_seed():
    drawn = lambda seed, pair: list(islice(rounds.begins(seed, pair, range(8)), 40))  # noqa: E731
    assert drawn(3, 1) == drawn(3, 1)
    assert drawn(3, 1) != drawn(4, 1) != drawn(4, 2)


def test_where_there_is_one_core_there_is_nothing_to_choose():
    assert list(islice(rounds.begins(3, 1, [4]), 3)) == [None, None, None]


def seeded_orders(seed, pair, contenders, count):
    return list(islice(rounds.orders(seed, pair, contenders), count))


def test_the_order_is_reproducible_and_fair():
    for contenders in (2, 3, 5):
        found = seeded_orders(3, 1, contenders, contenders * 10)
        assert found == seeded_orders(3, 1, contenders, contenders * 10)
        firsts = Counter(o[0] for o in found)
        assert max(firsts.values()) - min(firsts.values()) <= 1
    assert seeded_orders(3, 1, 2, 40) != seeded_orders(4, 1, 2, 40) != seeded_orders(4, 2, 2, 40)


def test_the_epochs_stand_in_the_seeded_order():
    epochs, _, _ = pair([lambda n: 0.001, lambda n: 0.001], seed=11)
    found: dict[int, list[int]] = {}
    for e in epochs:
        if e.phase == STEADY:
            found.setdefault(e.round, []).append(e.contender)
    assert [found[r] for r in sorted(found)] == seeded_orders(11, 0, 2, len(found))


def test_it_ends_when_the_samples_are_enough_but_not_before_its_minimum():
    level = LEVELS["precise"]
    found, _, _ = replicate([lambda n: 0.002, lambda n: 0.001], level=level)
    steady = [e for e in found.epochs if e.phase == STEADY]
    assert found.converged == [True, True]
    assert found.half_widths == [0.0, 0.0]
    assert len({e.round for e in steady}) == level.min_rounds
    assert (steady[-1].end - steady[0].start) / 1e9 >= level.pair_time


@pytest.mark.parametrize("level", ["quick", "precise"])
def test_a_sampler_that_never_converges_ends_with_its_budget(level):
    level, chance = LEVELS[level], np.random.default_rng(8)
    wild = lambda n: 0.002 * float(np.exp(chance.normal(0, 0.05) + 0.5 * np.sin(n / 300)))  # noqa: E731
    found, _, _ = replicate([wild, lambda n: 0.002], level=level, limit=100_000)
    steady = [e for e in found.epochs if e.phase == STEADY]
    longest = max(e.end - e.start for e in steady) / 1e9
    assert (steady[-1].end - steady[0].start) / 1e9 == pytest.approx(level.budget, abs=3 * longest)
    assert found.converged == [False, True]
    assert found.half_widths[0] > level.target


@pytest.mark.parametrize("tick", [1, 1000])
def test_calls_too_short_to_be_timed_alone_are_timed_in_blocks(tick):
    found, _, pace = replicate([lambda n: 20e-6, lambda n: 30e-6], tick=tick)
    steady = [e for e in found.epochs if e.phase == STEADY]
    assert pace.inner > 1
    assert {e.inner for e in steady} == {pace.inner}
    medians = [np.median(np.concatenate([e.seconds for e in steady if e.contender == c])) for c in (0, 1)]
    assert medians == pytest.approx([20e-6, 30e-6], rel=0.01)


@pytest.mark.parametrize(("tick", "shortest"), [(1, 1e-3), (1000, 1e-3), (1_000_000, 0.1)])
def test_a_block_is_long_against_the_clocks_steps(tick, shortest):
    world = World(tick)
    inner, epochs = rounds.calibrate(Simulated(world, lambda n: 20e-6), 20e-6, 20e-6)
    assert shortest <= inner * 20e-6 < 4 * shortest
    assert [e["inner"] for e in epochs] == [2**n for n in range(len(epochs))]


def test_a_clock_too_coarse_for_any_block_still_ends():
    inner, _ = rounds.calibrate(Simulated(World(15_000_000), lambda n: 20e-6), 1e-9, 20e-6)
    assert rounds.BLOCK_LIMIT / 2 < inner * 20e-6 <= rounds.BLOCK_LIMIT


def test_later_replicates_use_the_first_ones_blocks():
    world = World()
    pace = rounds.Pace([3, 3], inner=64)
    found = rounds.measure_pair(
        [Simulated(world, lambda n: 20e-6)] * 2, 1, LEVELS["quick"], 0, 0.0, pace, 10_000, world.seconds
    )
    assert {e.inner for e in found.epochs if e.phase == STEADY} == {64}


def test_one_slow_contender_keeps_the_blocks_of_all_short():
    found, _, pace = replicate([lambda n: 10e-6, lambda n: 0.02])
    assert pace.inner * 0.02 <= rounds.BLOCK_LIMIT
    assert {e.inner for e in found.epochs if e.phase == STEADY} == {pace.inner}


def test_calls_that_take_no_time_at_all_end_too():
    assert rounds.calibrate(Simulated(World(), lambda n: 0.0), 1e-9, 1e-9)[0] == rounds.BLOCK_CALLS


def test_a_clock_that_goes_back_is_an_error():
    with pytest.raises(ValueError, match="went back"):
        rounds.epoch_of(0, 0, 0, STEADY, 0, {"ns": [5, -3], "start": 0, "end": 10, "cpu": 0})
