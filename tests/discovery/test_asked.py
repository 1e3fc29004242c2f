"""What a script asks of its surroundings, besides the content of files: each answer that changes is another script."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchlib import discovery
from benchlib.discovery import scope as scope_module
from benchlib.discovery import variables
from benchlib.discovery.dependencies import Dependencies
from benchlib.discovery.scope import Scope
from tests.discovery.kept import dependencies

pytestmark = pytest.mark.process

BEGIN = """
import os, sys, time
from pathlib import Path
here = Path(__file__).parent
"""
END = "\nprint('run', time.time_ns())\n"


def write(name: str, text: str = "x") -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return write


def link(target: str) -> Callable[[Path], object]:
    def link(folder: Path) -> None:
        (folder / "link").unlink(missing_ok=True)
        (folder / "link").symlink_to(target)

    return link


def times(first: int, second: int) -> Callable[[Path], object]:
    def times(folder: Path) -> None:
        (folder / "data").mkdir(exist_ok=True)
        for name, time in (("a", first), ("b", second)):
            (folder / "data" / name).touch()
            os.utime(folder / "data" / name, (time, time))

    return times


def nothing(folder: Path) -> None: ...


@dataclass(frozen=True)
class Asked:
    code: str  # prints what it is told
    before: Callable[[Path], object]
    after: Callable[[Path], object]


PATHS = {
    "size": Asked("print(os.path.getsize(here / 'f'))", write("f", "12"), write("f", "123")),
    "newest": Asked("print(max((here / 'data').iterdir(), key=os.path.getmtime))", times(1, 2), times(2, 1)),
    "newest by stat": Asked(
        "print(max((here / 'data').glob('*'), key=lambda p: p.stat().st_mtime))", times(1, 2), times(2, 1)
    ),
    "newest by scandir": Asked(
        "print(max(os.scandir(here / 'data'), key=lambda e: e.stat().st_mtime).name)", times(1, 2), times(2, 1)
    ),
    "access": Asked("print(os.access(here / 'f', os.R_OK))", nothing, write("f")),
    "lexists": Asked("print(os.path.lexists(here / 'link'))", nothing, link("none")),
    "islink": Asked("print((here / 'link').is_symlink())", nothing, link("none")),
    "readlink": Asked("print(os.readlink(here / 'link'))", link("a"), link("b")),
    "resolve": Asked("print((here / 'link').resolve())", link("a"), link("b")),
    "shared memory": Asked(
        "print(open('/dev/shm/benchlib_test_asked').read())",
        lambda folder: Path("/dev/shm/benchlib_test_asked").write_text("1"),
        lambda folder: Path("/dev/shm/benchlib_test_asked").write_text("2"),
    ),
    "a folder called matplotlib": Asked(
        "print((here / 'matplotlib' / 'f').read_text())", write("matplotlib/f", "1"), write("matplotlib/f", "2")
    ),
    "import": Asked(
        "try:\n    import later\n    print(1)\nexcept ImportError:\n    print(2)", nothing, write("later.py", "")
    ),
    "import from a folder that comes": Asked(
        "sys.path.append(str(here / 'more'))\ntry:\n    import later\n    print(1)\nexcept ImportError:\n    print(2)",
        nothing,
        write("more/later.py", ""),
    ),
    "find_spec": Asked(
        "import importlib.util\nprint(importlib.util.find_spec('later'))", nothing, write("later/__init__.py", "")
    ),
    "import that is shadowed": Asked("import colorsys\nprint(colorsys.__file__)", nothing, write("colorsys.py", "")),
}


@pytest.mark.parametrize("what", PATHS)
def test_each_answer_about_a_path_counts(what, tmp_path):
    asked, script = PATHS[what], tmp_path / "net.py"
    script.write_text(BEGIN + asked.code + END)
    asked.before(tmp_path)
    try:
        first = discovery.discover(script)
        assert first.ended == "" and dependencies(script).unseen == []
        assert discovery.discover(script).output == first.output, "it is kept"
        asked.after(tmp_path)
        assert discovery.discover(script).output.split("run")[0] != first.output.split("run")[0]
    finally:
        Path("/dev/shm/benchlib_test_asked").unlink(missing_ok=True)


VARIABLES = {
    "items": "print([k for k, v in os.environ.items() if k == 'NET'])",
    "dict": "print('NET' in dict(os.environ))",
    "copy": "print(os.environ.copy().get('NET'))",
    "any": "print(any(k == 'NET' for k in os.environ))",
    "bytes": "print(os.environb.get(b'NET'))",
    "bytes listed": "print(b'NET' in list(os.environb))",
}


@pytest.mark.parametrize("how", VARIABLES)
def test_a_variable_that_appears_counts_where_all_are_looked_through(how, tmp_path, monkeypatch):
    script = tmp_path / "net.py"
    script.write_text(BEGIN + VARIABLES[how] + END)
    monkeypatch.delenv("NET", raising=False)
    first = discovery.discover(script)
    for name in ("BENCHLIB_OTHER", "JPY_PARENT_PID", "IPYTHONDIR", "FORCE_COLOR", "OMP_NUM_THREADS"):  # as in a trial
        monkeypatch.setenv(name, "1")
    assert discovery.discover(script).output == first.output, "it is kept"
    monkeypatch.setenv("NET", "1")
    assert discovery.discover(script).output.split("run")[0] != first.output.split("run")[0]


def test_a_variable_of_the_system_counts_where_the_script_asks_for_it_itself(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(f"{BEGIN}import torch\nos.environ.get('HOSTNAME'), os.getenv('USER'), os.environ.get('HOME')\n")
    discovery.discover(script)
    known = dependencies(script)
    assert {"HOSTNAME", "USER"} <= known.environment.keys() and known.variables == ""
    assert not {"HOME", "LOGNAME"} & known.environment.keys()


def test_a_file_of_the_system_counts_where_the_script_names_it_itself(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(f"{BEGIN}import torch, socket\nopen('/etc/hosts').read()\nprint(socket.gethostname())\n")
    discovery.discover(script)
    known = dependencies(script)
    assert list(known.files) == ["/etc/hosts"] and known.folders == known.environment == {}
    assert [(look.aspect, look.told) for look in known.looks] == [("host", os.uname().nodename)]


def test_places_that_count_whoever_reads_them_and_that_do_not(tmp_path):
    """Nobody's code is the user's here: a test is none of a script."""
    scope = Scope("/opt/project/net.py", [str(tmp_path)])
    counted = (
        "/share/w.bin", "/usr/local/share/w.bin", "/usr/local/lib/w.bin", "/run/media/disk/w.bin", "/dev/shm/w.bin",
        "/data/matplotlib/w.bin", "/opt/project/w.bin", "/home/me/fontconfig/w.bin",
    )  # fmt: skip
    assert [scope.name(path) for path in counted] == list(counted)
    none = (
        "/usr/lib/w.bin", "/usr/share/w.bin", "/etc/hosts", "/proc/meminfo", "/sys/w", "/dev/null", "/run/w.sock",
        "/root/.cache/matplotlib/w.json", "/opt/project/net.py", str(tmp_path / "w"), os.__file__, pytest.__file__,
        scope_module.__file__,
    )  # fmt: skip
    assert [path for path in none if scope.name(path, is_named=False)] == []


def test_what_is_kept_of_a_variable_does_not_tell_its_value(monkeypatch):
    monkeypatch.setenv("NET_TOKEN", "hunter2")
    assert "hunter2" not in variables.digest_of("hunter2")
    assert variables.digest_of("hunter2") != variables.digest_of("hunter3") != variables.digest_of(None)
    known = Dependencies(environment={"NET_TOKEN": variables.digest_of("hunter2")})
    assert known.difference() == ""
    monkeypatch.setenv("NET_TOKEN", "hunter3")
    assert known.difference() == "NET_TOKEN"
    monkeypatch.delenv("NET_TOKEN")
    assert known.difference() == "NET_TOKEN"
