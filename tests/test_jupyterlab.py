"""The trial notebook in JupyterLab: opened, run and saved through its user interface, in a real browser."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from benchlib.record import scrap

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parent.parent
TOKEN = "a-token-of-the-tests"
PATIENCE = 60_000  # milliseconds for a state to come


@pytest.fixture
def place(tmp_path):
    """A copy of notebooks/, its trial's parameters changed as a user would: in the text of the cell."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    path = tmp_path / "notebooks" / "trial.ipynb"
    text = path.read_text()
    for name, value in (("model", "explicit/mlp"), ("exporter", "script"), ("level", "smoke")):
        text, n = re.subn(rf'("{name}: str = )\\"[^"\\]*\\"', rf'\1\\"{value}\\"', text)
        assert n == 1
    path.write_text(text)
    return tmp_path


@pytest.fixture
def jupyterlab(place):
    """A server on a free port of the loopback interface, with folders of its own; gone at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = {f"JUPYTER{name}_DIR": str(place / name.lower()) for name in ("_CONFIG", "_RUNTIME", "_DATA")}
    folders |= {f"JUPYTERLAB_{name}_DIR": str(place / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    options = [
        *("--no-browser", "--allow-root", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *("--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={place}"),
    ]
    # Nobody is asked about news, and nothing is fetched.
    settings = place / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    log = place / "jupyterlab.log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], stdout=file, stderr=file, env={**os.environ, **folders}
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
        gone = server.poll() is not None
        server.kill()
        server.wait()
    assert gone, "the server did not end when it was asked to"


def test_run_all_cells_and_save(browser, jupyterlab, place, command):
    page = browser.new_page(viewport={"width": 1100, "height": 1400})
    troubles = []
    page.on("pageerror", lambda e: troubles.append(f"error: {e}"))
    page.on("dialog", lambda d: (troubles.append(f"dialog: {d.message}"), d.dismiss()))
    page.set_default_timeout(PATIENCE)
    with page.expect_websocket(lambda w: w.url.partition("?")[0].endswith("/channels")):  # the kernel's
        page.goto(f"{jupyterlab}/lab/tree/notebooks/trial.ipynb?token={TOKEN}")
    idle = page.locator("#jp-main-statusbar", has_text="Python 3 (ipykernel) | Idle")
    idle.wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    record = page.locator(".jp-OutputArea-output table", has_text="python -m benchlib run")
    record.wait_for()
    idle.wait_for()
    picture = os.environ.get("BENCHLIB_TEST_SCREENSHOT")
    if picture:
        record.scroll_into_view_if_needed()
        page.screenshot(path=picture)
    with page.expect_response(lambda r: r.request.method == "PUT" and r.url.partition("?")[0].endswith("trial.ipynb")):
        page.keyboard.press("Control+s")
    page.close()
    assert troubles == []

    notebook = place / "notebooks" / "trial.ipynb"
    outputs = [o for c in json.loads(notebook.read_bytes())["cells"] for o in c.get("outputs", ())]
    assert not [o for o in outputs if o["output_type"] == "error"]
    assert [o for o in outputs if "<svg" in json.dumps(o.get("data", ""))], "the samples are drawn"
    found = scrap.read_record(notebook)
    assert found.status == "ok" and found.trial["exporter"] == "script"
    assert scrap.read(notebook, scrap.SAMPLES)["contenders"] == ["eager", "script"]

    command("run", "explicit/mlp", "--exporter", "script", "--level", "smoke", "-q")
    (batch,) = (place / "outputs" / "run" / "trials").glob("*.ipynb")
    expected = scrap.read_record(batch)
    assert set(found.to_json()) == set(expected.to_json()) and set(found.metrics) == set(expected.metrics)
    assert found.key == expected.key


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    """Until the server answers; its own words if it ends instead."""
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
