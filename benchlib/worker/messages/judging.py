"""What a model answers, as the ground truth of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchlib.worker.messages.request import Request
from benchlib.worker.messages.running import OpenSession


@dataclass(frozen=True)
class Judgement:
    """What a model answered, and what it did besides."""

    hashes: dict[int, str]  # of the outputs, by the number of the set
    left_out: dict[int, str]  # why there are none for a set
    draws: list[str] = field(default_factory=list)  # the generators that the first call drew from
    changed_inputs: list[str] = field(default_factory=list)  # those that it wrote into, by their flat names
    changed_state: list[str] = field(default_factory=list)  # what it holds otherwise since: "buffer `last`"
    others: list[Path] = field(default_factory=list)  # what repeated calls answered that is not the same to the bit
    fails_again: str = ""  # what a repeated call failed with


@dataclass(frozen=True)
class JudgeModel(Request[Judgement], verb="judge"):
    """Opens a model and calls it once on each set of inputs, which are read anew for each call, the first set before
    all others (`benchlib.worker.judging`).

    With `repeats` it is called on the first set again, at once and behind all others, to see whether it remembers.
    """

    open: OpenSession
    inputs: dict[int, Path]  # by the number of the set
    outputs: Path  # a folder, for `outputs-<number>.npz`; of large outputs of all sets but 0 only a part
    seed: int  # of the generators of torch, numpy and Python, which begin each call anew
    repeats: Path | None = None  # a folder for what repeated calls answered


@dataclass(frozen=True)
class RandomOperators:
    """By the names that a user knows, in the order in which they were met: dropout, RandomNormalLike, …"""

    names: list[str]


@dataclass(frozen=True)
class NameRandomOperators(Request[RandomOperators], verb="random_operators"):
    """Says which operators of a graph draw random numbers, or looks, at one more call on `inputs`, which of a module
    do."""

    artifact: Path
    inputs: Path
