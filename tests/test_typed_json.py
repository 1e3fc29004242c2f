"""Dataclasses become JSON and come back as the same values; what is no such value is told."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchlib.record import scrap
from benchlib.typed_json import from_json, to_json


@dataclass(frozen=True)
class Leaf:
    name: str
    seconds: float = 0.0
    path: Path | None = None


class Shouted:
    """A class that is no dataclass and reads itself."""

    def __init__(self, text: str):
        self.text = text

    @classmethod
    def from_json(cls, data: str) -> Shouted:
        return cls(data.upper())


@dataclass(frozen=True)
class Tree:
    place: Path
    leaves: list[Leaf] = field(default_factory=list)
    pair: tuple[int, ...] = ()
    by_number: dict[int, Leaf] = field(default_factory=dict)
    series: Sequence[float] = field(default_factory=list)
    best: Leaf | None = None
    either: int | str = 0
    open_: Mapping[str, Any] = field(default_factory=dict)
    below: Tree | None = None  # a class that its own hints name


FULL = Tree(
    Path("a/b"),
    [Leaf("x", 1.5, Path("c")), Leaf("y")],
    (1, 2),
    {3: Leaf("z"), -1: Leaf("w")},
    [0.5, 2.0],
    Leaf("best"),
    "text",
    {"n": [1, {"m": None}]},
    Tree(Path(".")),
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(to_json(value), allow_nan=False))


def test_a_dataclass_comes_back_as_it_was():
    assert from_json(Tree, through_json(FULL)) == FULL
    assert from_json(dict[int, list[Leaf]], through_json({1: [Leaf("a")]})) == {1: [Leaf("a")]}


def test_what_is_none_anyhow_is_left_out_and_what_is_said_stays():
    assert to_json(Leaf("a")) == {"name": "a", "seconds": 0.0}
    assert to_json({"a": None}) == {"a": None}


def test_whole_numbers_are_floats_where_floats_are_declared():
    leaf = from_json(Leaf, {"name": "a", "seconds": 2})
    assert leaf.seconds == 2.0 and isinstance(leaf.seconds, float)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_does_not_have_come_back_from_the_texts_in_their_place(value):
    stored = json.loads(json.dumps(scrap.plain(to_json(Tree(Path(), series=[value, 1.0]))), allow_nan=False))
    back = from_json(Tree, stored)
    assert np.array_equal(back.series, [value, 1.0], equal_nan=True)


def test_keys_of_a_later_version_are_left_out():
    assert from_json(Leaf, {"name": "a", "colour": "green"}) == Leaf("a")


def test_a_class_that_reads_itself_does():
    assert from_json(list[Shouted], ["a"])[0].text == "A"


@pytest.mark.parametrize("data", [{}, {"seconds": 1.0}, [], "name", None])
def test_what_lacks_a_field_or_is_of_another_shape_is_an_error(data):
    with pytest.raises(TypeError):
        from_json(Leaf, data)


def test_two_classes_that_json_cannot_tell_apart_are_an_error():
    with pytest.raises(TypeError, match="cannot be told apart"):
        from_json(Leaf | Tree, {"name": "a"})
