"""The harness's median against a hand-written loop and against the output of `benchlib script`.

Three models, about 0.2, 2 and 20 ms per call on two cores, through ONNX Runtime. In each set four processes stand
side by side: the harness's timing worker, started and asked as a trial does it; the hand-written `plain_loop.py`;
the script that `benchlib script` wrote, unmodified, where benchlib cannot be imported; and the hand-written loop once
more, whose ratio to its twin is the spread of the method itself. All rotate the same sets of inputs. All but
one are always stopped (SIGSTOP). In every round each runs for one block; the first call after a stop counts on no side.
A process keeps its luck (where its memory lies) for life, so the set is the unit: the figure is the speedup of
`benchlib.measure.statistics`, the mean over the sets of the log of each set's median ratio, with its interval.
"""

from __future__ import annotations

import contextlib
import functools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchlib.measure import statistics
from benchlib.measure.contender import Contender, Launcher, open_contender
from benchlib.measure.levels import LEVELS
from benchlib.measure.lock import alone
from benchlib.measure.warmup import warm_up
from benchlib.mistakes import make
from benchlib.record import scrap
from benchlib.stages.steps import TrialRun
from benchlib.worker import process
from tests.bench.figure import Figure, near_one
from tests.bench.free_loop import FreeLoop

MODELS = {
    "lcnet_050 at 64×64": ["timm/lcnet_050", "--height", "64", "--width", "64"],
    "lcnet_100": ["timm/lcnet_100"],
    "resnet18": ["timm/resnet18"],
}
WAY = ["--exporter", "script", "--reference", "none", "--level", "smoke", "--quiet"]
HARNESS, HAND, PROOF, AGAIN = "harness", "hand-written loop", "benchlib script", "hand-written loop again"
SETS, ROUNDS = 12, 12  # sets of new processes, rounds in each
BLOCK, BLOCK_CALLS = 0.06, 12  # a block takes so many seconds, or so many calls where that is longer
SPARE = 4  # a loop is given so many times the calls that it should need
HAND_LOOP = Path(__file__).with_name("plain_loop.py")


@dataclass(frozen=True)
class Prepared:
    """One model, run once and found right: what the harness opens, and the files for the loops."""

    contender: Contender
    inputs: list[Path]  # the sets that rotate, the recorded one first
    proof: Path
    latency: float  # seconds, as that one run found it
    threads: int


def figures(models: dict[str, list[str]] = MODELS, sets: int = SETS, rounds: int = ROUNDS) -> Iterator[Figure]:
    for name, words in models.items():
        with tempfile.TemporaryDirectory(prefix="benchlib-loops-") as folder:
            prepared = prepare(words, Path(folder))
            with alone("cpu", "make bench"):
                found = [one_set(prepared, Path(folder), number, rounds) for number in range(sets)]
        latency = float(np.median(np.concatenate([medians[HARNESS] for medians in found]))) / 1e9
        tolerance = 0.03 if latency < 1e-3 else 0.01
        title = f"{name}, onnxruntime by script, {latency * 1e3:.2f} ms:"
        for loop in (HAND, PROOF):
            ratio, remark = compared(found, HARNESS, loop)
            yield near_one(f"{title} {HARNESS} ÷ {loop}", ratio, tolerance, remark)
        ratio, remark = compared(found, HAND, AGAIN)
        yield Figure(f"{title} {HAND} ÷ the same again", f"{ratio:.4f}", "A/A", remark=remark)


def prepare(words: list[str], folder: Path) -> Prepared:
    """Runs the trial once at level smoke, has its proof written, and asks for the contender as a trial does."""
    command = [sys.executable, "-m", "benchlib"]
    subprocess.run([*command, "run", *words, *WAY, "--output", str(folder)], check=True, stdout=subprocess.DEVNULL)
    (notebook,) = (folder / "trials").glob("*.ipynb")
    record = scrap.read_record(notebook)
    if record.status != "ok":
        raise RuntimeError(f"{words[0]} ended as {record.status}: {record.reason}")
    proof = folder / "proof.py"
    subprocess.run([*command, "script", str(notebook), "--output", str(proof)], check=True)
    run = TrialRun(make(record.trial))
    try:
        run.load()
        run.export()
        run.open()
    finally:
        run.record()  # ends its workers and its scratch folder; what failed stands in it
    if run.outcome.failure:
        raise RuntimeError(f"{words[0]}: {run.outcome.failure.failure.message}")
    model = run.outcome.model
    contender = replace(run.outcome.sessions[-1].contender, input_sets=model.rotated_sets)
    inputs, latency = [model.inputs, *contender.input_sets], record.metrics["time_latency"]
    return Prepared(contender, inputs, proof, latency, record.metrics["num_cores"])


def one_set(prepared: Prepared, folder: Path, number: int, rounds: int) -> dict[str, np.ndarray]:
    """The medians of all rounds by contender, each in a new process. Who is started first changes with `number`."""
    seconds = max(BLOCK, BLOCK_CALLS * prepared.latency)
    calls = int(SPARE * rounds * seconds / prepared.latency)
    by_hand = [str(prepared.contender.open.artifact), str(prepared.threads), *map(str, prepared.inputs)]
    medians: dict[str, list[float]] = {name: [] for name in (HARNESS, HAND, PROOF, AGAIN)}
    names, blocks = list(medians), {}
    with contextlib.ExitStack() as stack:
        launcher = Launcher(process.UNMARKED, prepared.threads, folder, lambda: None, timeout=300.0)
        stack.callback(launcher.end)
        for name in (names[index] for index in in_turn(number, len(names))):
            if name == HARNESS:
                blocks[name] = _harness(prepared.contender, launcher, number, seconds)
            else:
                script, arguments = (prepared.proof, []) if name == PROOF else (HAND_LOOP, by_hand)
                loop = FreeLoop(script, calls, arguments, folder / f"{name}.log", prepared.threads)
                stack.callback(loop.end)
                blocks[name] = functools.partial(loop.block, seconds)
        for round_ in range(rounds):
            for name in (names[index] for index in in_turn(round_, len(names))):
                samples = blocks[name]()
                if not len(samples):
                    raise RuntimeError(f"{name}: no whole call in a block of {seconds:.3g} s")
                medians[name].append(float(np.median(samples)))
    return {name: np.array(found) for name, found in medians.items()}


def _harness(contender: Contender, launcher: Launcher, number: int, seconds: float) -> Callable[[], np.ndarray]:
    """The block of a timing worker that was started, warmed up and stopped as in a trial."""
    opened = open_contender(contender, launcher, "fresh", number, 0, f"set{number}")
    opened.outputs(None)
    opened.rotate_inputs()
    warmup, _ = warm_up(opened, LEVELS["quick"])
    opened.freeze()
    calls = max(1, round(seconds * 1e9 / float(np.median(warmup[-1].ns))))

    def block() -> np.ndarray:
        reply = opened.run(calls + 1)
        opened.freeze()
        return np.array(reply.value.ns[1:])  # the first call after the stop

    return block


def in_turn(round_: int, count: int) -> list[int]:
    """The order of a round: rotated, so that each is first equally often; every other block of `count` rounds runs
    backwards, so that none always follows the same one."""
    block, shift = divmod(round_, count)
    order = [(shift + step) % count for step in range(count)]
    return order[::-1] if block % 2 else order


def compared(sets: list[dict[str, np.ndarray]], one: str, other: str) -> tuple[float, str]:
    """`one` ÷ `other` over all sets, and a remark on its spread."""
    found = statistics.speedup([np.column_stack([s[one], s[other]]) for s in sets])
    by_set = " ".join(f"{np.median(s[one] / s[other]):.3f}" for s in sets)
    interval = f"95 % interval {found.low:.4f}…{found.high:.4f}, " if found.low is not None else ""
    return found.value, f"{interval}sets {by_set}"
