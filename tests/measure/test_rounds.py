"""The rules of a replicate, on simulated contenders and an injected clock."""

import itertools
from collections import Counter

import numpy as np
import pytest

from benchlib.measure import rounds
from benchlib.measure.levels import LEVELS, level_of
from benchlib.measure.samples import STEADY, WARMUP, Samples
from benchlib.trial import Trial


class World:
    """A clock that only contenders move."""

    def __init__(self):
        self.ns = 0
        self.running = None

    def seconds(self):
        return self.ns / 1e9


class Simulated:
    """A contender whose n-th call takes `law(n)` seconds."""

    def __init__(self, world, law):
        self.world, self.law, self.calls = world, law, 0

    def run(self, calls):
        assert self.world.running in (None, self), "two contenders ran at the same time"
        self.world.running = self
        start, ns = self.world.ns, []
        for _ in range(calls):
            ns.append(int(self.law(self.calls) * 1e9))
            self.world.ns += ns[-1]
            self.calls += 1
        return {"ns": ns, "start": start, "end": self.world.ns, "cpu": self.world.ns - start}

    def freeze(self):
        if self.world.running is self:
            self.world.running = None


def pair(laws, level=LEVELS["quick"], limit=10_000, cost=0.0, warmups=None, seed=7):
    world = World()
    contenders = [Simulated(world, law) for law in laws]
    epochs, settled = rounds.measure_pair(
        contenders, 0, level, seed, cost, warmups or [None] * len(laws), limit, world.seconds
    )
    return epochs, settled, contenders


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


def test_the_order_is_reproducible_and_fair():
    for contenders in (2, 3, 5):
        found = [rounds.order(3, 1, r, contenders) for r in range(contenders * 10)]
        assert found == [rounds.order(3, 1, r, contenders) for r in range(contenders * 10)]
        firsts = Counter(o[0] for o in found)
        assert max(firsts.values()) - min(firsts.values()) <= 1
    assert [rounds.order(3, 1, r, 2) for r in range(40)] != [rounds.order(4, 1, r, 2) for r in range(40)]


def test_the_epochs_stand_in_the_seeded_order():
    epochs, _, _ = pair([lambda n: 0.001, lambda n: 0.001], seed=11)
    found: dict[int, list[int]] = {}
    for e in epochs:
        if e.phase == STEADY:
            found.setdefault(e.round, []).append(e.contender)
    assert all(order == rounds.order(11, 0, r, 2) for r, order in found.items())
