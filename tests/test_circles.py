"""How the files of benchlib hang together: no circle of imports, and arrows between rooms that run downward only.

An import inside a function counts like any other, and so does one that only a type checker sees. What is found by name
while the program runs (plug-ins by their registry, verbs by the worker, the face of `benchlib`) is no arrow.
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import benchlib
from tests.house.imports import between_rooms, import_edges

LIBRARY = Path(benchlib.__file__).parent
# Arrows that run from a lower room to a higher one, and why each of them stays.
UPWARD = {
    ("models", "discovery"): "a script is a source of models, and what is in it is found by running it; what is taken "
    "from it is saved in the form in which models are opened",
    ("models", "runtimes"): "a file that was rewritten for another batch is held against the original in the runtime "
    "that judges every ONNX file",
    ("user_file", "runtimes"): "a class in a user's file becomes a runtime by the room that knows what a session is",
}


def circle_in(arrows: Mapping[str, set[str]]) -> str:
    """`a -> b -> a`, a circle of imports, or ""."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return ""


@pytest.fixture(scope="module")
def arrows() -> dict[str, set[str]]:
    return import_edges(LIBRARY)


def test_no_file_imports_itself_by_a_detour(arrows):
    assert circle_in(arrows) == ""


def test_rooms_import_downward(arrows):
    rooms = between_rooms(arrows)
    for low, high in UPWARD:
        assert high in rooms[low], f"{low} imports nothing of {high} any more: take it off the list"
        rooms[low].remove(high)
    assert len(UPWARD) <= 4
    assert circle_in(rooms) == ""


@pytest.mark.parametrize(
    "line",
    [
        "from house import low",
        "def late():\n    from house.low import thing",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.low",
    ],
)
def test_every_kind_of_import_is_seen(tmp_path, line):
    library = tmp_path / "house"
    (library / "room").mkdir(parents=True)
    (library / "__init__.py").write_text("")
    (library / "low.py").write_text("from house.room import thing\n")
    (library / "room" / "__init__.py").write_text("from house.room.high import thing\n")
    (library / "room" / "high.py").write_text(f"{line}\nthing = 1\n")
    found = import_edges(library)
    assert found["house.room.high"] == {"house.low"}
    assert set(circle_in(found).split(" -> ")) == {"house.low", "house.room", "house.room.high"}
    assert set(circle_in(between_rooms(found)).split(" -> ")) == {"low", "room"}
