"""The proof of a row: plain Python, without benchlib, that opens this very artifact on these very inputs, sets
the same options, compares with the stored outputs and times a plain loop over the same sets of inputs in turn."""

from __future__ import annotations

import json
from pathlib import Path

from benchlib import telemetry
from benchlib.errors import UserError
from benchlib.mistakes import make
from benchlib.models._input_sets import TIMED
from benchlib.record import scrap
from benchlib.report.proof_graphs import of_onnxruntime, of_openvino, of_reference
from benchlib.report.proof_torch import of_torch

WRITERS = {
    "torch": of_torch,
    "onnxruntime": of_onnxruntime,
    "openvino": of_openvino,
    "reference": of_reference,
}  # by runtime


def proof(notebook: Path) -> str:
    """The text of the script for the trial in an executed notebook. Raises UserError when it cannot be proved."""
    try:
        record = scrap.read_record(notebook)
    except scrap.NoRecord as error:
        raise UserError(str(error)) from error
    trial = make(record.trial)
    way = trial.way
    if way.runtime not in WRITERS:
        raise UserError(
            f"{notebook.name}: there is no script for runtime {way.runtime}; there is one for {', '.join(WRITERS)}"
        )
    files = record.files
    needed = (files.artifact, files.inputs, files.outputs)
    if not all(needed):
        raise UserError(f"{notebook.name}: the trial ended as {record.status} before there was anything to prove")
    gone = [path for path in needed if not Path(path).exists()]
    if gone:
        raise UserError(
            f"{notebook.name}: {gone[0]} is no longer in the cache; run the trial again: {record.reproduce}"
        )
    folder, several = Path(files.inputs).parent, record.metrics.get("input_sets", 1) > 1
    rotated = [folder / f"inputs-{number}.npz" for number in range(1, TIMED if several else 1)]
    sets = [files.inputs, *(str(file) for file in rotated if file.exists())]
    head = _HEAD.format(
        title=f"{record.metrics['_index']}: {record.reproduce}",
        threads=record.metrics["num_cores"],
        telemetry=json.dumps(dict(telemetry.OFF)),
        sets=json.dumps(sets),
        artifact=json.dumps(files.artifact),
        outputs=json.dumps(files.outputs),
    )
    return head + WRITERS[way.runtime](trial, way, record) + _TAIL


_HEAD = '''"""{title}

Plain Python: the artifact, the inputs and the options of one row of the report. Not written by hand."""
import gc, itertools, json, os, sys, time
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "{threads}"))
os.environ.update({telemetry})  # telemetry off, as in the trial
import numpy as np

threads = {threads}
artifact = {artifact}
sets = [dict(np.load(file)) for file in {sets}]  # the recorded inputs, and those that take turns with them
expected = dict(np.load({outputs}))
head = [json.loads(str(held.pop("__structure__"))) for held in (*sets, expected)][0]
objects = [held.pop("__objects__", None) for held in (*sets, expected)][0]
'''

_TAIL = """
calls = [bind(inputs) for inputs in sets]
found = flat(calls[0]())
for (name, right), got in zip(expected.items(), found, strict=True):
    difference = np.abs(got.astype(np.float64) - right.astype(np.float64)).max(initial=0)
    print(f"output {name}: shape {got.shape}, largest difference {difference:.3g}")
count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
turns = itertools.cycle(calls)
for call in itertools.islice(turns, max(5, count // 10, len(calls))):
    call()
samples = np.empty(count)
gc.disable()
for i, call in zip(range(count), turns):
    begin = time.perf_counter_ns()
    out = call()
    samples[i] = time.perf_counter_ns() - begin
print(f"median of {count} calls: {np.median(samples) / 1e6:.4f} ms")
"""
