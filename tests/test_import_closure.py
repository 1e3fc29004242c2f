"""What a file needs, found in packages that are written for it."""

import hashlib

import pytest

from benchlib import import_closure
from benchlib.import_closure import ImportGraph, Packages


@pytest.fixture
def graph(tmp_path):
    """Files by their path -> the names of those in the closure of `ours/start.py`."""

    def closure(files: dict[str, str], without: set[str] = frozenset()) -> set[str]:
        for name, text in {"ours/__init__.py": "", **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        found = ImportGraph(Packages((("ours", tmp_path),))).closure(
            tmp_path / "ours/start.py", frozenset(tmp_path / name for name in without)
        )
        return {str(file.relative_to(tmp_path)) for file in found} - {"ours/__init__.py", "ours/start.py"}

    return closure


@pytest.mark.parametrize(
    "text",
    [
        "import ours.other",
        "import ours.other as short",
        "from ours import other",
        "from ours.other import name",
        "from . import other",
        "from .other import name",
        "def f():\n    from ours import other",
        "class A:\n    def f(self):\n        with x:\n            import ours.other",
        "try:\n    import torch\nexcept ImportError:\n    import ours.other",
        "match x:\n    case 1:\n        import ours.other",
        "if x:\n    pass\nelse:\n    import ours.other",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import ours.other",
        "command = [python, '-m', 'ours.other']",
        "path = Path(__file__).with_name('other.py')",
    ],
)
def test_what_counts_as_an_import(graph, text):
    assert graph({"ours/start.py": text, "ours/other.py": "", "ours/third.py": ""}) == {"ours/other.py"}


@pytest.mark.parametrize(
    "text",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import ours.other",
        "import typing\nif typing.TYPE_CHECKING:\n    from ours.other import name",
        "import other",
        "import theirs.other",
        "'''ours.other'''",
        "# import ours.other",
        "x = 'see ours.other'",
    ],
)
def test_what_does_not(graph, text):
    assert graph({"ours/start.py": text, "ours/other.py": "", "theirs/other.py": "", "other.py": ""}) == set()


def test_any_depth_round_in_circles_and_through_packages(graph):
    files = {
        "ours/start.py": "import ours.room.first",
        "ours/room/__init__.py": "from ours.room.second import x",
        "ours/room/first.py": "import ours.start",
        "ours/room/second.py": "def f():\n    from .deep import last",
        "ours/room/deep/__init__.py": "",
        "ours/room/deep/last.py": "from ...beside import x",
        "ours/beside.py": "",
        "ours/room/unused.py": "",
    }
    assert graph(files) == set(files) - {"ours/start.py", "ours/room/unused.py"}


def test_what_only_an_excluded_file_needs_does_not_count(graph):
    files = {
        "ours/start.py": "from ours import shown, both",
        "ours/shown.py": "from ours import picture, both",
        "ours/picture.py": "",
        "ours/both.py": "",
    }
    assert graph(files, without={"ours/shown.py"}) == {"ours/both.py"}


def test_a_package_that_is_started_is_run_by_its_main(graph):
    files = {
        "ours/start.py": "command = ['-m', 'ours.tool']",
        "ours/tool/__init__.py": "",
        "ours/tool/__main__.py": "import ours.tool.work",
        "ours/tool/work.py": "",
    }
    assert graph(files) == set(files) - {"ours/start.py"}


def test_the_digest_is_that_of_the_code_without_comments_and_docstrings(tmp_path):
    texts = {
        "one": '"""One."""\ndef f(x):\n    "Doc."\n    return x + 1\n',
        "same": "# note\ndef f(x):\n    return x + 1  # here\n",
        "other": "def f(x):\n    return x + 2\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    graph = ImportGraph(Packages(()))
    digests = {name: graph.digest(tmp_path / f"{name}.py") for name in texts}
    assert digests["one"] == digests["same"] != digests["other"]


def test_what_is_handed_over_is_what_another_process_would_find(tmp_path, monkeypatch):
    """And an edit of a file is seen all the same, as texts are known by their hash."""
    file = tmp_path / "one.py"
    file.write_text("import json\nfrom benchlib import tensors\nNAME = 'benchlib.worker'\n")
    graph = import_closure.ImportGraph(import_closure.Packages((), tmp_path))
    digest = graph.digest(file)
    parsed = import_closure._known[hashlib.sha256(file.read_bytes()).hexdigest()]
    import_closure.hand_over(tmp_path / "parsed.json")

    monkeypatch.setattr(import_closure, "_known", {})
    monkeypatch.setattr(import_closure, "_parse_text", lambda source: pytest.fail("it was handed over"))
    monkeypatch.setenv(import_closure.HANDED_OVER, str(tmp_path / "parsed.json"))
    import_closure._take_over.cache_clear()
    try:
        assert import_closure.ImportGraph(graph.packages).digest(file) == digest
        assert import_closure._known[hashlib.sha256(file.read_bytes()).hexdigest()] == parsed
        monkeypatch.undo()
        file.write_text(file.read_text() + "MORE = 1\n")
        assert import_closure.ImportGraph(graph.packages).digest(file) != digest
    finally:
        import_closure._take_over.cache_clear()
