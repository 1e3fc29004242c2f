"""Engines for `runtime: …/engines.py:Class` that are wrong in one way each (`runtime_args: {kind: …}`)."""

from typing import ClassVar

import numpy as np


def constant(y, chance):
    return np.full_like(y, y.mean(dtype=np.float64))


def noise(y, chance):
    return (y.mean(dtype=np.float64) + y.std(dtype=np.float64) * chance.standard_normal(y.shape)).astype(y.dtype)


def scaled(y, chance):
    return (y * 1.2).astype(y.dtype)


def negated(y, chance):
    return -y


def shuffled(y, chance):
    """Within each item."""
    return np.stack([chance.permutation(item.reshape(-1)).reshape(item.shape) for item in y])


def one_item(y, chance):
    y = y.copy()
    y[-1] = 0
    return y


def items_swapped(y, chance):
    return y[::-1].copy()


def one_channel(y, chance):
    """The third of the last axis but one of maps, of the last one elsewhere."""
    y = y.copy()
    y[(slice(None), 2) if y.ndim == 4 else (..., min(3, y.shape[-1] - 1))] = 0
    return y


def channels_swapped(y, chance):
    order = np.arange(y.shape[-1])
    order[:2] = order[1::-1] if len(order) > 1 else order[:2]
    return np.ascontiguousarray(y[..., order])


def ties(y, chance):
    """All classes as good as the best one."""
    return np.broadcast_to(y.max(-1, keepdims=True), y.shape).copy()


def one_element(y, chance):
    y = y.copy()
    y.reshape(-1)[1] += y.reshape(-1)[:8].std() * 4
    return y


def not_a_number(y, chance):
    y = y.copy()
    y.reshape(-1)[1] = np.nan
    return y


def right(y, chance):
    return y


class Wrong:
    """onnxruntime, whose outputs are spoilt in one way."""

    packages, contrib = ("onnxruntime",), True
    options: ClassVar = {"kind": "right"}

    def __init__(self, path, threads, kind="right"):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.input_names = [i.name for i in self.session.get_inputs()]
        self.spoil = globals()[kind]

    def run(self, feeds):
        chance = np.random.default_rng(7)
        return [self.spoil(y, chance) for y in self.session.run(None, feeds)]


class _Sometimes(Wrong):
    """Right, and wrong at some calls."""

    options: ClassVar = {}

    def __init__(self, path, threads):
        super().__init__(path, threads)
        self.calls, self.kept = 0, {}

    def answer(self, feeds):
        return self.session.run(None, feeds)


class WrongLater(_Sometimes):
    """Wrong from its fortieth call on."""

    def run(self, feeds):
        self.calls += 1
        return [y if self.calls < 40 else np.zeros_like(y) for y in self.answer(feeds)]


class WrongBySet(_Sometimes):
    """Wrong for all inputs but the first three that it meets, by where they lie."""

    def run(self, feeds):
        number = self.kept.setdefault(next(iter(feeds.values())).ctypes.data, len(self.kept))
        return [y if number < 3 else np.zeros_like(y) for y in self.answer(feeds)]


class KeepsByAddress(_Sometimes):
    """Computes once for each address of its inputs."""

    def run(self, feeds):
        where = next(iter(feeds.values())).ctypes.data
        if where not in self.kept:
            self.kept[where] = self.answer(feeds)
        return self.kept[where]


class KeepsTheFirst(_Sometimes):
    """Answers what it answered first, for ever."""

    def run(self, feeds):
        self.kept.setdefault(0, self.answer(feeds))
        return self.kept[0]


class WrongEverySecond(_Sometimes):
    """Wrong at every second call, from the tenth on."""

    def run(self, feeds):
        self.calls += 1
        spoilt = self.calls > 10 and self.calls % 2
        return [np.zeros_like(y) if spoilt else y for y in self.answer(feeds)]
