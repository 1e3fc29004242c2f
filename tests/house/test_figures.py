"""The counters, on a package whose figures are known."""

from __future__ import annotations

import pytest

from benchlib.fingerprint import LIBRARY
from tests.house import imports, source
from tests.house.__main__ import main
from tests.house.figures import figures

FILES = {
    "__init__.py": "",
    "trial.py": '''
from __future__ import annotations
from typing import TYPE_CHECKING, Any
if TYPE_CHECKING:
    from pack.plan.rules import check

# A comment of its own line.
LIMIT = 3  # and one behind code


def told(a: dict, b: list[dict[str, Any]] | None) -> None:
    """Says it.

    Args:
        a: what.
    """
    import json
    from pack import way
    return a["key"], a.get("other"), a[0], a.get(b)


def typed(a: dict[str, float], b: Mapping[str, int]) -> list[int]:
    """One line."""


def wide(self, a, b, c, d, *rest, e: Mapping[str, Any] = None):
    pass
''',
    "way.py": "from . import trial\n",
    "plan/__init__.py": "",
    "plan/rules.py": "import pack.trial\nfrom ..execution import go\ndef check(): pass\n",
    "execution.py": "from pack import plan\nfrom pack.unheard import of\ngo = 1\n",
    "odd.py": "def branches(n):\n" + "".join(f"    if n == {i}:\n        n += 1\n" for i in range(31)),
}


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "pack"
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_what_a_file_says_is_counted(package):
    counts = source.count(package / "trial.py", "pack")
    assert counts == source.Counts(
        functions=3,
        dict_signatures=2,  # told and wide: what typed takes says what it holds
        wide_functions=1,  # self left out, *rest counted
        look_ups=2,
        local_imports=2,
        own_local_imports=1,
        docstrings=2,
        sections=1,
        comments=1,
    )


def test_a_circle_is_found_through_type_checking_functions_and_relative_imports(package):
    edges = imports.import_edges(package)
    assert edges["pack.way"] == {"pack.trial"}
    assert edges["pack.plan.rules"] == {"pack.trial", "pack.execution"}
    assert edges["pack.execution"] == {"pack.plan"}
    assert imports.circles(edges) == [["pack.plan.rules", "pack.trial", "pack.way"]]
    assert imports.upward_arrows(edges) == [("plan", "execution"), ("trial", "plan"), ("way", "trial")]
    assert imports.unplaced_rooms(edges) == ["odd"]


def test_long_and_branching_functions_are_named(package):
    assert source.long_functions(package / "odd.py", 60) == [("branches", 1, 63)]
    by_name = {figure.name: figure for figure in figures(package)}
    assert by_name["functions over 60 lines"].value == 1
    assert by_name["functions of complexity rank D or worse"].note == "pack/odd.py:1 branches 32"
    assert not by_name["functions over 60 lines"].passes


@pytest.mark.parametrize(("words", "status"), [([], 0), (["--check"], 1)])
def test_the_exit_status_says_whether_the_limits_hold(package, monkeypatch, capsys, words, status):
    monkeypatch.setattr("sys.argv", ["house", str(package), *words])
    assert main() == status
    assert "import circles                                      1  at most 0: exceeded" in capsys.readouterr().out


def test_the_library_keeps_its_limits():
    assert [f"{f.name}: {f.value}, at most {f.limit}" for f in figures(LIBRARY) if not f.passes] == []
