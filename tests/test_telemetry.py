"""Nothing phones home: no file at home, no name resolved, no address asked, by any process of a trial."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchlib import telemetry
from benchlib.fingerprint import TEMPLATE, fingerprint
from benchlib.record import scrap
from benchlib.trial import Trial
from benchlib.worker import process

SHIM = Path(__file__).parent / "data" / "watch_network.c"
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
OWN_HOST = ("", "localhost", "127.0.0.1", "::1")  # what a kernel on TCP asks for
# What silences telemetry too and may be set where tests run: with it no test here could fail.
SILENCING = (*telemetry.OFF, "CI", "JENKINS_URL", "ORT_RUNNING_UNIT_TESTS", "HF_HUB_OFFLINE", "DISABLE_TELEMETRY")
UNMENDED = """
import sys, types
sys.modules["benchlib.telemetry"] = types.ModuleType("benchlib.telemetry")
sys.modules["benchlib.telemetry"].switch_off = lambda: None
import benchlib
"""


@dataclass
class Place:
    """Folders in which processes find themselves at home, and what they leave there."""

    folder: Path
    shim: Path | None  # the compiled watch of the network, where there is a compiler

    @property
    def environment(self) -> dict[str, str]:
        own = {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        own |= {"BENCHLIB_CACHE": str(self.folder / "cache"), "NETWORK_LOG": str(self.folder / "network.log")}
        own |= {"LD_PRELOAD": str(self.shim)} if self.shim else {}
        inherited = {k: v for k, v in os.environ.items() if k not in SILENCING and not k.startswith("XDG_")}
        return inherited | own

    def run(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, *words], env=self.environment, cwd=self.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def files(self) -> list[str]:
        """What was left at home and in the temporary folder."""
        return [str(p.relative_to(self.folder)) for root in ("home", "tmp") for p in (self.folder / root).rglob("*")]

    def network(self) -> list[str]:
        """What was asked of the internet: `resolves NAME`, `connects to ADDRESS`."""
        log = self.folder / "network.log"
        asked = [line.partition(" ")[2] for line in log.read_text().splitlines()] if log.exists() else []
        return [line for line in asked if line.removeprefix("resolves ") not in OWN_HOST]


@pytest.fixture
def place(tmp_path) -> Place:
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    shim = tmp_path / "watch_network.so" if COMPILER else None
    if shim:
        subprocess.run([COMPILER, "-shared", "-fPIC", "-o", str(shim), str(SHIM), "-ldl"], check=True)
    return Place(tmp_path, shim)


def needs_a_compiler(place: Place) -> None:
    if place.shim is None:
        pytest.skip("there is no C compiler, with which the network is watched")


@pytest.mark.process
@pytest.mark.parametrize("given", ["", "0"])
def test_every_process_that_imports_the_library_has_it_off_and_hands_it_on(given):
    code = (
        "import benchlib, os, subprocess, sys; subprocess.run([sys.executable, '-c', 'import os; print(os.environ)'])"
    )
    env = {k: v for k, v in os.environ.items() if k not in telemetry.OFF}
    env |= dict.fromkeys(telemetry.OFF, given) if given else {}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    for name, value in telemetry.OFF.items():
        assert f"'{name}': '{value}'" in said


def test_workers_are_started_with_it_off():
    assert process.environment(process.UNMARKED).items() >= telemetry.OFF.items()


def test_it_makes_no_trial_stale():
    assert not fingerprint(Trial(model="explicit/mlp", exporter="script"))["environment"].keys() & telemetry.OFF.keys()


@pytest.mark.slow
def test_a_whole_trial_leaves_nothing_and_asks_nobody(place):
    """A notebook by hand, whose processes have no scratch folder around their TMPDIR: two runtimes, two exporters."""
    reference = "{exporter: onnx_dynamo, runtime: openvino}"
    parameters = ["-p", "model", "explicit/mlp", "-p", "exporter", "onnx_dynamo", "-p", "level", "smoke"]
    place.run("-m", "papermill", str(TEMPLATE), "out.ipynb", *parameters, "-y", f"reference: {reference}")
    executed = (place.folder / "out.ipynb").read_text()
    assert "onnxruntime" in executed and "openvino" in executed
    assert scrap.read_record(place.folder / "out.ipynb").status == "ok"
    assert place.files() == []
    assert place.network() == []


@pytest.mark.process
@pytest.mark.parametrize("package", ["onnxruntime", "openvino"])
def test_the_watch_sees_what_a_package_leaves(place, package):
    """The fault planted: without the mend each of them writes at home, with it none does."""
    pytest.importorskip(package)
    place.run("-c", f"{UNMENDED}\nimport {package}")
    assert any(name.startswith("home/") for name in place.files())
    for name in ("home", "tmp"):
        shutil.rmtree(place.folder / name)
        (place.folder / name).mkdir()
    place.run("-c", f"import benchlib, {package}")
    assert place.files() == []


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("import socket\ntry: socket.getaddrinfo('collector.invalid', 443)\nexcept OSError: pass",
         "resolves collector.invalid"),
        ("import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))", "connects to 192.0.2.1"),
        ("import os, socket, sys\nif os.fork(): sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
         "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))", "sends to 192.0.2.1"),
    ],
)  # fmt: skip
def test_the_watch_sees_who_is_asked(place, code, seen):
    needs_a_compiler(place)
    place.run("-c", code)
    assert seen in place.network()
