"""Engines in numpy, as classes of the user's own: right ones, and those that are wrong only where nobody looked."""

import time

import numpy as np

SECONDS = 0.001  # of a call


class Doubles:
    """Right: every answer is in new memory."""

    def __init__(self, path, threads):
        self.calls, self.sets = 0, {}

    def run(self, feeds):
        self.calls += 1
        time.sleep(SECONDS)
        return self.answer(feeds)

    def answer(self, feeds):
        return [feeds["x"] * 2]


class AnswersInOneBuffer(Doubles):
    """Right, although a later call overwrites what an earlier one gave."""

    def answer(self, feeds):
        self.buffer = getattr(self, "buffer", None)
        if self.buffer is None:
            self.buffer = np.empty_like(feeds["x"])
        np.multiply(feeds["x"], 2, out=self.buffer)
        return [self.buffer]


class AnswersInTwoBuffers(Doubles):
    """Right, although the call after the next one overwrites what one gave."""

    def answer(self, feeds):
        buffer = self.sets.setdefault(self.calls % 2, np.empty_like(feeds["x"]))
        np.multiply(feeds["x"], 2, out=buffer)
        return [buffer]


class NeverTheSameBits(Doubles):
    """Right within rounding, but each answer has other bits."""

    def answer(self, feeds):
        return [feeds["x"] * 2 * (1 + self.calls % 97 * np.float32(1e-6))]


class WrongTurns(Doubles):
    """Right for the first three sets of inputs that it meets."""

    def answer(self, feeds):
        number = self.sets.setdefault(id(feeds), len(self.sets))
        return [feeds["x"] * (2 if number < 3 else 0)]


class Memoises(Doubles):
    """Keeps its answers by the mapping that it is given."""

    def answer(self, feeds):
        return self.sets.setdefault(id(feeds), [feeds["x"] * 2])


class MemoisesByAddress(Doubles):
    """Keeps its answers by where the arrays lie in memory."""

    def answer(self, feeds):
        return [self.sets.setdefault(feeds["x"].__array_interface__["data"][0], feeds["x"] * 2)]


class WrongLater(Doubles):
    """Right for forty calls."""

    def answer(self, feeds):
        return [feeds["x"] * (2 if self.calls <= 40 else 0)]


class WrongEverySecond(Doubles):
    """Right at its first, third, … call but not at those between, once it is timed."""

    def answer(self, feeds):
        return [feeds["x"] * (0 if self.calls > 10 and self.calls % 2 == 0 else 2)]


class WrongEveryThird(Doubles):
    """The same with three."""

    def answer(self, feeds):
        return [feeds["x"] * (0 if self.calls > 10 and self.calls % 3 == 0 else 2)]


class WrongAndNeverTheSameBits(NeverTheSameBits):
    """No answer twice, and wrong ones after sixty calls."""

    def answer(self, feeds):
        return super().answer(feeds) if self.calls <= 60 else [feeds["x"] * 0]


class Halves(Doubles):
    """Right, but it leaves half of its inputs behind."""

    def answer(self, feeds):
        result = feeds["x"] * 2
        feeds["x"] *= 0.5
        return [result]
