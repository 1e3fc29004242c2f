"""A clock that only simulated contenders move, and their blocks as a worker gives them."""

from types import SimpleNamespace

from benchlib.worker.messages import TimedBlock


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
        self.cores, self.input_sets = [], []  # that it was to begin on, and with

    def run(self, samples, loops=1, core=None, input_set=None, discarded=0):
        self.cores.append(core)
        self.input_sets.append(input_set)
        assert self.world.running in (None, self), "two contenders ran at the same time"
        self.world.running = self
        start, ns = self.world.ns, []
        for _ in range(samples):
            begin = self.world.read()
            for _ in range(loops):
                self.world.ns += round(self.law(self.calls) * 1e9)
                self.calls += 1
            ns.append(self.world.read() - begin)
        noise = self.noise(self.calls) if self.noise else {}
        end = self.world.ns
        return SimpleNamespace(value=TimedBlock(ns, start, end, end - start, loops, tick=self.world.tick, noise=noise))

    def freeze(self):
        if self.world.running is self:
            self.world.running = None
