"""L3.4: our `openvino` sessions against OpenVINO's own `benchmark_app`, on three files: one median.

The tool is asked for what a trial asks for: one synchronous request, one stream, as many threads, float32 in the same
mode, the same inputs from files. It prints its median when it has made all its iterations, and nothing else that could
be used, so it runs free in a process of its own and is interleaved with ours by SIGSTOP and SIGCONT until it is done:
a round is a block of each. Of its hundreds of samples those that hold a stop, one in a round, move no median.

Its samples begin when the request is started and end when that is done, in C++; ours hold Python's call and the copy
of the outputs as well, which is 3 % of a millisecond where the outputs are a megabyte: these models take longer, or
give less. A process keeps its luck for life: a set is a new process of each, and the figure is the mean over the sets
of the log ratio.

`python -m tests.bench openvino_app` runs it alone; nothing else may use the machine meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchlib import tensors
from benchlib.measure.contender import Contender, Launcher, open_contender
from benchlib.measure.levels import LEVELS
from benchlib.measure.lock import alone
from benchlib.measure.warmup import warm_up
from benchlib.mistakes import make
from benchlib.runtimes._ort_session import feeds
from benchlib.stages.steps import TrialRun
from benchlib.worker import process
from tests.bench.figure import Figure, near_one

MODELS = {
    "resnet18": {"model": "timm/resnet18"},
    "BERT of 2 layers": {
        "model": "huggingface/BertForMaskedLM",
        "seq_length": 32,
        "model_args": {"num_hidden_layers": 2, "vocab_size": 1000},
    },
    "lcnet_100": {"model": "timm/lcnet_100"},
}
WAY = {"exporter": "script", "runtime": "openvino", "reference": "none", "num_cores": 1}
SETS, ROUNDS, BLOCK = 6, 10, 0.5  # sets of processes, blocks in each, seconds of a block
START = 120.0  # seconds until the tool is in its loop
MEDIAN = re.compile(r"Median:\s+([\d.]+) (ms|us)")
IN_ITS_LOOP = "First inference took"
# It may be stopped when its parent dies: the kernel kills it then (PR_SET_PDEATHSIG).
RUN_APP = """
import ctypes, signal, sys
from openvino.tools.benchmark.main import main
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
sys.exit(main())
"""


def figures(
    models: dict[str, dict] = MODELS, sets: int = SETS, rounds: int = ROUNDS, seconds: float = BLOCK
) -> Iterator[Figure]:
    for name, parameters in models.items():
        with tempfile.TemporaryDirectory(prefix="benchlib-openvino-") as folder:
            contender, inputs = prepare(parameters)
            options = app_options(contender, inputs, Path(folder))
            with alone("cpu", "make bench"):
                found = np.array([one_set(contender, options, Path(folder), n, rounds, seconds) for n in range(sets)])
        ratios = found[:, 0] / found[:, 1]
        remark = "sets " + " ".join(f"{ratio:.3f}" for ratio in ratios)
        title = f"{name}, {np.median(found[:, 0]) * 1e3:.2f} ms: harness ÷ benchmark_app"
        yield near_one(title, float(np.exp(np.log(ratios).mean())), 0.05, remark)


def prepare(parameters: dict) -> tuple[Contender, Path]:
    """The contender as a trial opens it, and the file of its inputs."""
    run = TrialRun(make({**parameters, **WAY}))
    try:
        for step in (run.load, run.export, run.open):
            step()
    finally:
        run.record()  # ends its workers; what failed stands in it
    if run.outcome.failure:
        raise RuntimeError(f"{parameters['model']}: {run.outcome.failure.failure.message}")
    return run.outcome.sessions[-1].contender, run.outcome.model.inputs


def app_options(contender: Contender, inputs: Path, folder: Path) -> list[str]:
    """benchmark_app's options for what the contender's session does, its inputs written to files of its own."""
    import openvino

    request = contender.open
    graph = openvino.Core().read_model(request.artifact)
    flat, structure = tensors.load(inputs)
    types = {port.get_any_name(): port.get_element_type().get_type_name() for port in graph.inputs}
    files = []
    for number, (name, array) in enumerate(feeds(list(types), tensors.unflatten(structure, flat), flat).items()):
        np.save(folder / f"input{number}.npy", array)
        files.append(f"{name}:{folder}/input{number}.npy")
    mode = folder / "mode.json"
    mode.write_text(json.dumps({"CPU": {"EXECUTION_MODE_HINT": "ACCURACY"}}))
    return [
        *("-m", str(request.artifact), "-d", "CPU", "-i", *files, "-load_config", str(mode)),
        *("-hint", "none", "-api", "sync", "-nireq", "1", "-nstreams", "1", "-nthreads", str(request.threads)),
        *("-infer_precision", "f32", "-inference_only", "true"),
        *("-iop", ",".join(f"{name}:{kind}" for name, kind in types.items())),  # or images would be bytes
    ]


def one_set(
    contender: Contender, options: list[str], folder: Path, number: int, rounds: int, seconds: float
) -> tuple[float, float]:
    """The medians of the harness and of the tool, in seconds, each of a new process; they take turns at being first."""
    with contextlib.ExitStack() as stack:
        launcher = Launcher(process.UNMARKED, contender.open.threads, folder, lambda: None, timeout=300.0)
        stack.callback(launcher.end)
        opened = open_contender(contender, launcher, "fresh", number, 0, f"set{number}")
        opened.outputs(None)
        warmup, _ = warm_up(opened, LEVELS["quick"])
        opened.freeze()
        calls = max(2, round(seconds * 1e9 / float(np.median(warmup[-1].ns))))
        app = App([*options, "-niter", str(rounds * calls)], folder / f"app{number}.log", launcher.threads)
        stack.callback(app.end)
        samples: list[int] = []
        while not app.ended:
            for side in ("ours", "its")[:: -1 if len(samples) // calls % 2 else 1]:
                if side == "its":
                    app.block(seconds)
                else:
                    samples += opened.run(calls + 1).value.ns[1:]  # the first call follows the stop
                    opened.freeze()
        return float(np.median(samples)) / 1e9, app.median()


class App:
    """benchmark_app, running free in a process of its own until it is in its loop, and stopped there."""

    def __init__(self, options: list[str], log: Path, threads: int):
        self.log, self.ended = log, False
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN_APP, *options],
                env=process.environment(process.UNMARKED, threads),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + START
        while IN_ITS_LOOP not in log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise RuntimeError(f"benchmark_app did not come to its loop:\n{log.read_text()[-2000:]}")
            time.sleep(0.005)
        self._stop()

    def block(self, seconds: float) -> None:
        """Lets it run for so long, or to its end."""
        self.process.send_signal(signal.SIGCONT)
        time.sleep(seconds)
        self._stop()

    def median(self) -> float:
        """Seconds, as it printed them."""
        text = self.log.read_text()
        found = MEDIAN.search(text)
        if not found:
            raise RuntimeError(f"benchmark_app printed no median:\n{text[-2000:]}")
        return float(found[1]) * {"ms": 1e-3, "us": 1e-6}[found[2]]

    def _stop(self) -> None:
        """Returns when it has stopped, or has ended."""
        self.process.send_signal(signal.SIGSTOP)
        over = self.process.returncode is not None  # it had ended before the signal
        state = None if over else os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED)
        self.ended = over or state.si_code != os.CLD_STOPPED

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
