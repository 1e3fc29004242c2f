"""The runtime `planted`: calls with a known latency law, a diary of every call, and faults on demand."""

import os
import time
from pathlib import Path

from benchlib.registry import Option, Runtime


class _Session:
    def __init__(self, request):
        from benchlib_planted.faults import FAULTS

        FAULTS[request.options["open_fault"]]()
        self.options = request.options
        self.facts = {"providers": "Planted", "threads": request.threads}

    def bind(self, inputs, flat):
        from benchlib import tensors
        from benchlib_planted.faults import FAULTS

        options, calls = self.options, 0
        digest = tensors.content_hash(flat)
        diary = Path(f"{options['diary']}.{os.getpid()}").open("a") if options["diary"] else None  # noqa: SIM115
        nanoseconds = int(options["seconds"] * 1e9)
        result = {"y": inputs["x"] * 2 + options["wrong"]}

        def call():
            nonlocal calls
            begin = time.perf_counter_ns()
            calls += 1
            if calls == options["fault_at"]:
                FAULTS[options["fault"]]()
            end = begin + nanoseconds
            while time.perf_counter_ns() < end:
                pass
            if diary:
                diary.write(f"{os.getpid()} {begin} {time.perf_counter_ns()} {digest}\n")
                diary.flush()
            return result

        return call


runtime = Runtime(
    name="planted",
    summary="known latencies",
    opens=("planted",),
    open=_Session,
    options={
        "seconds": Option(float, 0.0, "latency of a call: busy until then"),
        "diary": Option(str, "", "a file to which every call is written; the process id is added to its name"),
        "wrong": Option(float, 0.0, "added to the right output"),
        "open_fault": Option(str, "", "what goes wrong while opening"),
        "fault": Option(str, "", "what goes wrong at call `fault_at`"),
        "fault_at": Option(int, 1, "the call that goes wrong"),
    },
    providers={"Planted": "cpu"},
)
