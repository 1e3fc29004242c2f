"""One trial: its notebook through Papermill, in a kernel of its own, and its record, whatever happens.

What a trial ends as is never read from Papermill's metadata, which calls the cells of a dead kernel
completed: it is the record in the notebook, and where there is none, what this module saw.
"""

from __future__ import annotations

import copy
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchlib import artifacts, import_closure
from benchlib.errors import UnusableHost, plain
from benchlib.execution import signals, store
from benchlib.execution.patience import Patience
from benchlib.execution.watchdog import Watchdog
from benchlib.fingerprint import TEMPLATE, fingerprint
from benchlib.kernels import with_environment
from benchlib.plan.expand import Planned
from benchlib.record import Failure, Record, scrap
from benchlib.stages.blank import failure_of, record_without_run
from benchlib.stages.driver import VARIABLE as DRIVER
from benchlib.worker import process
from benchlib.worker.client import SOCKET_VARIABLE, Server


def execute(
    planned: Planned,
    server: Server | None,
    folder: Path,
    room: str = store.TRIALS,
    patience: Patience | None = None,
    watch: Callable[[str, str], None] = lambda step, note: None,
) -> Record:
    """Runs one trial and puts its executed notebook into `room` of the study's `folder`, whole. Returns its record.

    Args:
        planned: the trial.
        server: the warm server from which its workers are forked; None: its own.
        folder: of the study.
        room: where in it the notebook goes.
        patience: of the sweep, which hears that the trial waits for a quiet host, and learns what that came to.
        watch: is told each step that begins, and what the trial says in it, in a thread of its own.

    Raises KeyboardInterrupt, and UnusableHost, after ending every process of the trial; nothing is written then.
    """
    scratch = Path(tempfile.mkdtemp(prefix="benchlib-"))
    notebook = scratch / "trial.ipynb"
    mark, patience = process.mark_of(planned.key), patience or Patience()
    environment = {
        process.MARK: mark,
        artifacts.TRIAL: planned.key,
        DRIVER: str(scratch / "driver"),
        "TMPDIR": str(scratch),
        import_closure.HANDED_OVER: str(scratch / "parsed.json"),
        **patience.environment(),
    }
    if server:
        environment[SOCKET_VARIABLE] = server.path
    fingerprint(planned.trial)  # what it has read of the library is handed over, so that no kernel parses it again
    import_closure.hand_over(scratch / "parsed.json")
    try:

        def hear(step: str, note: str) -> None:
            patience.hear(note)
            watch(step, note)

        with Watchdog(scratch / "driver", mark, hear) as watchdog:
            error = _papermill(planned, notebook, environment)
            process.end_marked(mark)
        record = _record(notebook)
        if record is None and signals.requested.is_set():
            raise KeyboardInterrupt
        if record is None and getattr(error, "ename", "") == UnusableHost.__name__:
            raise UnusableHost(plain(getattr(error, "evalue", "")))
        if record is None:
            record = _post_mortem(planned, watchdog, error)
            _append(notebook, planned, record)
        store.install(notebook, folder, planned.name, room)
        patience.learn(record)
        return record
    finally:
        process.end_marked(mark)
        process.reap_orphans()
        shutil.rmtree(scratch, ignore_errors=True)


def without_running(planned: Planned, folder: Path, room: str = store.TRIALS) -> Record:
    """The notebook and record of a trial that was refused or skipped."""
    record = record_without_run(planned.trial, planned.key, planned.status, planned.reason)
    with tempfile.TemporaryDirectory(prefix="benchlib-") as scratch:
        notebook = Path(scratch) / "trial.ipynb"
        _append(notebook, planned, record)
        store.install(notebook, folder, planned.name, room)
    return record


# Loggers of what runs notebooks, which tell of a kernel that died, as those of an interrupted sweep do.
_SAID_BY_THE_RECORD = ("asyncio", "papermill", "traitlets")


def _papermill(planned: Planned, notebook: Path, environment: dict[str, str]) -> BaseException | None:
    """Executes the template; returns what Papermill raised instead of raising it, Ctrl-C excepted."""
    import papermill

    for name in _SAID_BY_THE_RECORD:  # for good: what was never awaited is told when it is collected
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            papermill.execute_notebook(
                str(TEMPLATE).replace("{", "{{").replace("}", "}}"),
                str(notebook),
                parameters=planned.trial.asked(),
                kernel_name="python3",
                progress_bar=False,
                start_timeout=120,
                request_save_on_cell_execute=False,  # nothing reads it before its end; a dead kernel's is saved too
                autosave_cell_every=0,
                # traits of nbclient's NotebookClient
                kernel_manager_class=with_environment(environment),
                shutdown_kernel="immediate",
                shell_timeout_interval=1,
                coalesce_streams=True,
                store_widget_state=False,
            )
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # DeadKernelError, PapermillExecutionError, a timeout: all become a record
            return error
    return None


def _record(notebook: Path) -> Record | None:
    try:
        return scrap.read_record(notebook)
    except scrap.NoRecord:
        return None


def _post_mortem(planned: Planned, watchdog: Watchdog, error: BaseException | None) -> Record:
    """The record of a trial whose notebook left none."""
    status, failure = _how_it_ended(watchdog, error)
    return record_without_run(planned.trial, planned.key, status, failure.message, failure)


def _how_it_ended(watchdog: Watchdog, error: Any) -> tuple[str, Failure]:
    """The status, and the failure as this side saw it."""
    step, type_ = watchdog.step, type(error).__name__
    if watchdog.overdue:
        limit = f"{watchdog.limit:g} s" if watchdog.limit else "its time"
        message = f"the kernel did not end '{watchdog.overdue}' within {limit}"
        return "timeout", failure_of(watchdog.overdue, "Timeout", message)
    if type_ == "PapermillExecutionError":  # by name: importing papermill takes as long as a short plan
        return "failed", failure_of(step, error.ename, error.evalue, plain("\n".join(error.traceback)))
    if type_ == "DeadKernelError":
        return "crashed", failure_of(step, type_, f"the notebook's kernel died during '{step}'")
    message = str(error) if error else "the notebook ran to its end and left no record"
    return "failed", failure_of(step, type_ if error else "NoRecord", message)


def _append(notebook: Path, planned: Planned, record: Record) -> None:
    """Puts the record into a last cell of the notebook as far as it came (of the template, if it never began)."""
    try:
        content = json.loads(notebook.read_bytes())
    except (OSError, ValueError):
        content = copy.deepcopy(json.loads(TEMPLATE.read_bytes()))
        lines = [f"{name} = {value!r}\n" for name, value in planned.trial.asked().items()]
        at = 1 + next(i for i, c in enumerate(content["cells"]) if "parameters" in c["metadata"].get("tags", []))
        cell = {"cell_type": "code", "id": "injected-parameters", "metadata": {"tags": ["injected-parameters"]},
                "execution_count": None, "outputs": [], "source": lines}  # fmt: skip
        content["cells"].insert(at, cell)
    words = f"## This trial ended as *{record.status}*\n\n{_as_text(record.reason)}"
    content["cells"].append({"cell_type": "markdown", "id": "outcome-prose", "metadata": {}, "source": words})
    content["cells"].append(
        {"cell_type": "code", "id": "outcome", "metadata": {"tags": ["outcome"]}, "execution_count": None, "source": "",
         "outputs": [scrap.output(scrap.RECORD, record.to_json())]}
    )  # fmt: skip
    notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False))


def _as_text(message: str) -> str:
    """A message as Markdown that shows it as it is."""
    return "\n".join(f"    {line}" for line in message.splitlines())
