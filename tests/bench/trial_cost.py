"""The wall time of a trial of a no-cost model in a sweep against that of a notebook whose kernel does the work itself.

Both go through Papermill in a kernel of the sweep's own manager, in turns. The trial is `planted/plain` at level smoke
beside a warm server that is up, as all trials of a sweep but the first are; each is a new one (a seed of its own), so
that neither its model nor its artifact is in the cache. The notebook has one cell, which imports torch, transformers,
timm and onnxruntime.
"""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchlib import machine
from benchlib.worker import process
from benchlib.worker.client import Server
from tests.bench.figure import Figure, at_most

PAIRS = 5
LIMIT = 1 / 3
PACKAGES = ("onnxruntime", "torch")  # of the warm server: forking a process that holds them is part of a trial's cost
IMPORTS = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "cells": [
        {
            "cell_type": "code",
            "id": "imports",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": "import torch, transformers, timm, onnxruntime",
        }
    ],
}


def figures(pairs: int = PAIRS) -> Iterator[Figure]:
    process.adopt_orphans()  # as a sweep does
    server = Server(PACKAGES, machine.allowed_cores())
    try:
        with tempfile.TemporaryDirectory(prefix="benchlib-cost-") as folder:
            measure = {"trial": lambda n: trial(n, server, Path(folder)), "notebook": lambda n: notebook(Path(folder))}
            seconds: dict[str, list[float]] = {name: [] for name in measure}
            for number in range(pairs + 1):
                for name in list(measure)[:: -1 if number % 2 else 1]:
                    begin = time.perf_counter()
                    measure[name](number)
                    seconds[name].append(time.perf_counter() - begin)
    finally:
        server.end()
    # The first pair found the server starting and files that nobody had read.
    ours, theirs = np.array(seconds["trial"][1:]), np.array(seconds["notebook"][1:])
    remark = f"{np.median(ours):.2f} s, {np.median(theirs):.2f} s; pairs {' '.join(f'{r:.3f}' for r in ours / theirs)}"
    yield at_most("trial ÷ notebook that imports", float(np.median(ours / theirs)), LIMIT, "1/3", remark=remark)


def trial(number: int, server: Server, folder: Path) -> None:
    """One batch trial, from its plan to its executed notebook in the study's folder."""
    from benchlib.execution import store
    from benchlib.execution.execute import execute
    from benchlib.plan import study
    from benchlib.plan.expand import expand

    options = {"model": "planted/plain", "exporter": "planted", "reference": "planted", "level": "smoke"}
    plan = expand(study.from_options("cost", {**{k: [v] for k, v in options.items()}, "seed": [number]}))
    with store.opened(folder):
        record = execute(plan.trials[0], server, folder)
    if record.status != "ok":
        raise RuntimeError(f"the trial ended as {record.status}: {record.reason}")


def notebook(folder: Path) -> None:
    """One run of the importing notebook by Papermill, with the settings of a sweep."""
    import papermill

    from benchlib.kernels import with_environment

    source = folder / "imports.ipynb"
    source.write_text(json.dumps(IMPORTS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        papermill.execute_notebook(
            str(source),
            str(folder / "imported.ipynb"),
            kernel_name="python3",
            progress_bar=False,
            start_timeout=120,
            autosave_cell_every=0,
            kernel_manager_class=with_environment({}),
            shutdown_kernel="immediate",
            shell_timeout_interval=1,
            coalesce_streams=True,
            store_widget_state=False,
        )
