"""Whatever a script does, discovery ends with one line and with what was found until then."""

import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchlib import discovery
from benchlib.discovery import surroundings
from benchlib.errors import UserError

pytestmark = pytest.mark.process

FAULTS = Path(__file__).parents[1] / "planted" / "scripts" / "faults.py"
FIRST, OTHER = "input: float32[1×3]", "input: float32[{}×3]"
ENDS = {  # way: how it ended, the inputs that were found ([] where the script is not to import torch at all)
    "raises": (r"faults.py:\d+: KeyError: 'missing\\nkey'", [FIRST]),
    "fails inside": (r"faults.py:\d+: RuntimeError: .*shapes cannot be multiplied.*", [FIRST, "input: float32[1×4]"]),
    "exits": (r"faults.py:\d+: sys.exit\(3\)", []),
    "exits well": ("", []),
    "leaves": (r"left with os._exit\(0\)", [FIRST]),
    "segfaults": (r"Segmentation fault \(SIGSEGV\)", [FIRST]),
    "signals": (r".*\(SIGRTMIN\+6\)", []),
    "hangs": ("still running after 3 s: stopped", []),
    "thread hangs": ("still running after 3 s: stopped", []),
    "daemon": ("", []),
    "reads": (r"faults.py:\d+: EOFError: .*", []),
    "recurses": (r"faults.py:\d+: RecursionError: .*", []),
    "floods": ("", []),
    "replaces": ("", [FIRST]),
    "forks": ("", [FIRST, OTHER.format(4)]),
    "many shapes": ("", [FIRST, *(OTHER.format(n) for n in range(2, 17)), FIRST]),
    "tells names": ("", [FIRST]),
    "unpicklable": ("", [FIRST]),
}


@pytest.fixture(scope="module")
def runs() -> dict[str, discovery.Discovery]:
    """All ways, three at a time."""

    def run(way: str) -> discovery.Discovery:
        args = [way, "model"] if ENDS[way][1] else [way]
        return discovery.discover(FAULTS, args, timeout=3 if "hangs" in way else 100)

    with ThreadPoolExecutor(3) as pool:
        return dict(zip(ENDS, pool.map(run, ENDS), strict=True))


@pytest.mark.parametrize("way", ENDS)
def test_how_it_ended_and_what_was_found(runs, way):
    ended, inputs = ENDS[way]
    assert re.fullmatch(ended, runs[way].ended)
    assert [m.inputs for m in runs[way].models] == inputs


def test_nothing_is_left_running(runs):
    deadline = time.monotonic() + 5
    while "sleep 300.125" in (shown := subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout):
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)
    assert "sleep 299.125" not in shown


def test_the_end_of_the_output_is_kept_and_is_no_protocol(runs):
    assert len(runs["floods"].output) < 30_000 and runs["floods"].output.endswith("the end\n")
    assert "Traceback" in runs["raises"].output and "Traceback" not in runs["raises"].ended
    assert runs["replaces"].models[0].executed == 2


def test_too_many_shapes_are_counted(runs):
    assert runs["many shapes"].remarks == ["model was called with 23 more sets of shapes"]
    assert [m.executed for m in runs["many shapes"].models] == [2] + [1] * 15 + [30]


def test_files_left_behind_and_a_changed_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.txt").write_text("a")
    run = discovery.discover(FAULTS, ["moves", "model"])
    assert run.left_behind == [f"{tmp_path}/beside.txt (changed)", f"{tmp_path}/made/inside.txt"]
    assert [m.inputs for m in run.models] == [FIRST, OTHER.format(2)]
    assert (tmp_path / "made" / "inside.txt").read_text() == "new"


def test_what_the_kernel_shows_as_files_is_left_by_no_script(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    assert not [path for path in surroundings.seen(tmp_path, tmp_path) if path.startswith(("/proc/", "/sys/", "/dev/"))]


def test_what_cannot_be_saved_ends_in_one_line(runs, tmp_path):
    hash = runs["unpicklable"].models[0].hash
    said = r"faults.py::\w{8} cannot be saved: Linear cannot be stored, for its attribute lock: cannot pickle .*lock"
    with pytest.raises(UserError, match=said):
        discovery.take(FAULTS, ["unpicklable", "model"], 0, hash, tmp_path)


def test_a_script_that_is_no_python(tmp_path):
    (tmp_path / "broken.py").write_text("x = 1\nif:\n")
    run = discovery.discover(tmp_path / "broken.py")
    assert run.ended == "broken.py:2: SyntaxError: invalid syntax" and run.models == []
