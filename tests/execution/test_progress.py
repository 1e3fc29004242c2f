"""What a sweep says while it runs."""

import io

import pytest

from benchlib.execution.durations import Durations
from benchlib.execution.progress import Progress


@pytest.mark.parametrize("steps", [True, False])
def test_each_step_has_a_line_for_who_asks(steps):
    now, out = [100.0], io.StringIO()
    progress = Progress(Durations(), out, steps=steps, clock=lambda: now[0])
    with progress.of("mlp-script"):
        for step, note, until in (("load", "", 100.5), ("export", "", 103.0), ("export", "done", 104.0)):
            progress.tell(step, note)
            now[0] = until
        progress.tell("measure", "1/6 processes")
        now[0] = 124.0
    with progress.of("mlp-onnx_dynamo"):
        progress.tell("load", "")
        now[0] = 125.0
    told = out.getvalue().splitlines()
    assert told == (
        ["    load     500 ms", "    export   3.5 s", "    measure  20 s", "    load     1 s"] if steps else []
    )
