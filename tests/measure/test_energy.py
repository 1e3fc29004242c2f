"""Energy from counters that are not there: a folder like the kernel's, a GPU's handle, a clock that is told."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchlib.errors import Unavailable
from benchlib.measure import energy
from benchlib.measure.samples import STEADY, WARMUP, Block, Samples
from benchlib.record import ContenderEnergy, EnergyRecord, EnergyRepeat

RANGE = 262_143_328_850  # microjoules: the range of a real package


class World:
    """A clock, and counters that grow with it: `idle` watts at rest, `work` more during calls."""

    def __init__(self, idle: float, work: float, call: float):
        self.now, self.joules, self.idle, self.work, self.seconds = 0.0, 0.0, idle, work, call
        self.log: list[tuple[str, float]] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.log.append(("idle", self.now))
        self._pass(seconds, self.idle)

    def call(self, n: int) -> None:
        self.log.append(("call", self.now))
        self._pass(n * self.seconds, self.idle + self.work)

    def rest(self) -> None:
        self.log.append(("rest", self.now))

    def _pass(self, seconds: float, watts: float) -> None:
        self.now += seconds
        self.joules += watts * seconds

    def measure(self, counter) -> list[EnergyRepeat]:
        return energy.measure(counter, self.call, self.rest, self.clock, self.sleep)


@pytest.fixture
def powercap(tmp_path):
    """Two packages, a part of one, the platform and a copy by another interface, as Linux shows them."""
    names = {"intel-rapl": None, "intel-rapl:0": "package-0", "intel-rapl:0:0": "core", "intel-rapl:1": "package-1",
             "intel-rapl:2": "psys", "intel-rapl-mmio:0": "package-0"}  # fmt: skip
    for folder, name in names.items():
        (tmp_path / folder).mkdir()
        if name:
            (tmp_path / folder / "name").write_text(f"{name}\n")
            (tmp_path / folder / "energy_uj").write_text("1000000\n")
            (tmp_path / folder / "max_energy_range_uj").write_text(f"{RANGE}\n")
    return tmp_path


def put(powercap, domain: str, microjoules: int) -> None:
    (powercap / domain / "energy_uj").write_text(f"{microjoules}\n")


def test_rapl_adds_the_packages_and_nothing_twice(powercap):
    counter = energy.source("cpu", powercap)
    assert counter.method == "rapl"
    begin = counter.joules()
    for domain in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:2", "intel-rapl-mmio:0"):
        put(powercap, domain, 4_000_000)
    put(powercap, "intel-rapl:1", 2_000_000)
    assert counter.joules() - begin == pytest.approx(3 + 1)


def test_rapl_counts_on_when_a_counter_starts_again(powercap):
    put(powercap, "intel-rapl:0", RANGE - 2_000_000)
    counter = energy.source("cpu", powercap)
    begin = counter.joules()
    put(powercap, "intel-rapl:0", 3_000_000)
    assert counter.joules() - begin == pytest.approx(5)
    put(powercap, "intel-rapl:0", 4_000_000)
    assert counter.joules() - begin == pytest.approx(6)


def test_without_a_counter_there_is_a_reason(tmp_path, powercap):
    with pytest.raises(Unavailable, match="has no intel-rapl package"):
        energy.source("cpu", tmp_path / "absent")
    (powercap / "intel-rapl:1" / "energy_uj").unlink()
    with pytest.raises(Unavailable, match="cannot be read"):
        energy.source("cpu", powercap)


def test_a_gpu_that_is_not_there_has_a_reason():
    from benchlib.runtimes import _cuda

    if not _cuda.missing("cuda"):
        pytest.skip("there is a GPU")
    with pytest.raises(Unavailable, match="no CUDA device"):
        energy.source("cuda")


def test_millijoules_of_the_gpu():
    handle = SimpleNamespace(millijoules=1500)
    assert energy.Nvml(lambda: handle.millijoules).joules() == 1.5


def test_what_idling_takes_is_subtracted():
    """100 W idle, 50 W more at work, 20 ms a call of four items: 0.25 J per item."""
    world = World(idle=100, work=50, call=0.02)
    repeats = world.measure(energy.Nvml(lambda: world.joules * 1e3))
    assert len(repeats) == 3
    assert all(r.idle_seconds >= 10 and r.seconds >= 10 for r in repeats)
    assert repeats[0].joules == pytest.approx(150 * repeats[0].seconds)
    assert energy.per_item(repeats, 4) == pytest.approx(0.25)


def test_the_contender_is_stopped_before_each_idling_and_works_before_the_counter_is_read():
    world = World(idle=1, work=1, call=3.0)
    world.measure(energy.Nvml(lambda: 0))
    words = [word for word, _ in world.log]
    for i in (i for i, word in enumerate(words) if word == "idle"):
        assert words[i - 1] == "rest"
    # each repeat: one call of preparation, and calls until ten seconds are over
    assert words == ["call", *(["rest", "idle", "call", *["call"] * 4] * 3)]


def test_the_median_of_the_repeats_counts():
    quiet = EnergyRepeat(idle_seconds=10, idle_joules=100, seconds=10, joules=200, calls=100)
    disturbed = replace(quiet, joules=900)
    assert energy.per_item([quiet, disturbed, quiet], 1) == pytest.approx(1)


def test_metrics_of_a_run():
    repeats = [EnergyRepeat(idle_seconds=10, idle_joules=100, seconds=10, joules=200, calls=100)]
    runs = [ContenderEnergy("eager", repeats=repeats), ContenderEnergy("way", repeats=repeats)]
    found = energy.metrics(EnergyRecord("rapl", contenders=runs), 2)
    assert found == {
        "energy_per_item": 0.5, "energy_per_item_reference": 0.5, "energy_method": "rapl",
        "energy_idle_subtracted": True, "energy_not_measured": "",
    }  # fmt: skip
    none = energy.metrics(EnergyRecord("none", "no RAPL counter"), 2)
    assert none == {
        "energy_per_item": None, "energy_method": "none", "energy_idle_subtracted": False,
        "energy_not_measured": "no RAPL counter",
    }  # fmt: skip
    runs[1] = ContenderEnergy("way", "it died")
    found = energy.metrics(EnergyRecord("rapl", contenders=runs), 2)
    assert found["energy_per_item"] is None and found["energy_not_measured"] == "way: it died"
    assert energy.metrics(None, 2) == {}


def test_cpu_time_counts_every_call_of_the_timed_blocks():
    samples = Samples(["eager", "way"])
    ns = np.ones(5, np.uint64)
    for contender, cpu in ((0, 10**9), (1, 2 * 10**9)):
        samples.blocks.append(Block(contender, 0, -1, WARMUP, 0, 1, 77 * 10**9, 0, ns))
        samples.blocks += [Block(contender, 0, r, STEADY, 0, 1, cpu, 1, ns) for r in range(3)]
    assert energy.cpu_time_per_item(samples, 1, items=4) == pytest.approx(2 / 5 / 4)
    assert energy.cpu_time_per_item(samples, 0, items=4) == pytest.approx(1 / 5 / 4)
    looped = Samples(["way"], blocks=[Block(0, 0, 0, STEADY, 0, 1, 10**9, 1, ns, loops=100)])
    assert energy.cpu_time_per_item(looped, 0, items=1) == pytest.approx(1 / 500)
