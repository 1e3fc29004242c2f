import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec

from benchlib.kernels import PrivateKernelManager, PromptKernelClient, with_environment


def run(source: str, manager) -> str:
    import papermill

    cell = nbformat.v4.new_code_cell(source)
    notebook = nbformat.v4.new_notebook(
        cells=[cell], metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    done = papermill.execute_notebook(
        notebook, None, kernel_name="python3", progress_bar=False, kernel_manager_class=manager
    )
    return done.cells[-1].outputs[0]["text"].strip()


@pytest.mark.process
def test_the_kernel_is_this_interpreter_whatever_kernelspecs_there_are(tmp_path, monkeypatch):
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert run("import sys; print(sys.executable)", PrivateKernelManager) == sys.executable


@pytest.mark.process
def test_it_talks_over_unix_sockets_in_a_folder_that_goes(monkeypatch):
    found = run(
        "import os; from ipykernel.kernelapp import IPKernelApp as A; a = A.instance(); print(a.transport, a.ip)",
        PrivateKernelManager,
    )
    transport, address = found.split()
    assert transport == "ipc"
    assert not Path(address).parent.exists()


@pytest.mark.process
def test_it_says_nothing_on_the_users_terminal():
    text = "from ipykernel.kernelapp import IPKernelApp as A; print(*(h.level for h in A.instance().log.handlers))"
    assert run(text, PrivateKernelManager) == "50"  # CRITICAL


@pytest.mark.process
def test_its_environment_is_built(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    text = "import os; print(os.environ.get('MPLBACKEND'), os.environ['MINE'], os.environ['HOME'])"
    backend, mine, home = run(text, with_environment({"MINE": "here"})).split()
    assert backend != "nonsense"
    assert (mine, home) == ("here", os.environ["HOME"])


@pytest.mark.process
def test_a_kernel_that_ends_at_once_is_told():
    class Broken(PrivateKernelManager):
        kernel_spec = KernelSpec(argv=[sys.executable, "-c", "raise SystemExit(3)"], language="python")

    with pytest.raises(RuntimeError, match="died"):
        run("1", Broken)


class Said:
    """A channel on which these messages come; None is a wait in vain, as is all after the last one."""

    def __init__(self, *messages):
        self.messages = list(messages)

    async def get_msg(self, timeout):
        message = self.messages.pop(0) if self.messages else None
        if message is None:
            raise Empty
        return message


def message(question: str, kind: str, **content):
    return {"parent_header": {"msg_id": question}, "msg_type": kind, "content": content}


class Waiting(PromptKernelClient):
    """A client without a kernel: its questions are numbered, its channels are given."""

    shell_channel = iopub_channel = None
    asked = 0

    def kernel_info(self):
        self.asked += 1
        return str(self.asked)

    async def is_alive(self):
        return True


def ready(shell: Said, iopub: Said, timeout: float = 0.0) -> int:
    """How often the client asked until it was ready."""
    client = Waiting()
    client.shell_channel, client.iopub_channel = shell, iopub
    with ThreadPoolExecutor(1) as thread:  # this one may have a loop that runs: a browser test leaves one
        thread.submit(asyncio.run, client.wait_for_ready(timeout)).result()
    return client.asked


def reply(question: str):
    return message(question, "kernel_info_reply", protocol_version="5.3")


def test_it_is_ready_when_the_kernel_is_idle_after_its_answer():
    start = message("", "status", execution_state="starting")
    busy, idle = (message("1", "status", execution_state=state) for state in ("busy", "idle"))
    assert ready(Said(reply("1")), Said(start, busy, idle)) == 1


def test_it_asks_again_when_the_broadcast_was_missed_and_takes_no_old_answer_for_a_new_one():
    old, new = (message(q, "status", execution_state="idle") for q in "12")
    shell, iopub = Said(reply("1"), reply("1"), reply("2")), Said(None, old, new)
    assert ready(shell, iopub, timeout=60) == 2
    assert not shell.messages
    assert not iopub.messages


def test_a_kernel_that_does_not_answer_in_time_is_told():
    with pytest.raises(RuntimeError, match="didn't respond"):
        ready(Said(), Said())
