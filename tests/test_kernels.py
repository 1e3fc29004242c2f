import os
import sys
from pathlib import Path

import nbformat

from benchlib.kernels import PrivateKernelManager, with_environment


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


def test_the_kernel_is_this_interpreter_whatever_kernelspecs_there_are(tmp_path, monkeypatch):
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert run("import sys; print(sys.executable)", PrivateKernelManager) == sys.executable


def test_it_talks_over_unix_sockets_in_a_folder_that_goes(monkeypatch):
    found = run(
        "import os; from ipykernel.kernelapp import IPKernelApp as A; a = A.instance(); print(a.transport, a.ip)",
        PrivateKernelManager,
    )
    transport, address = found.split()
    assert transport == "ipc"
    assert not Path(address).parent.exists()


def test_its_environment_is_built(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    text = "import os; print(os.environ.get('MPLBACKEND'), os.environ['MINE'], os.environ['HOME'])"
    backend, mine, home = run(text, with_environment({"MINE": "here"})).split()
    assert backend != "nonsense"
    assert (mine, home) == ("here", os.environ["HOME"])
