"""The runtime `planted`: calls with a known latency law, a diary of every call, and faults on demand."""

import mmap
import os
import struct
import time
from pathlib import Path

from benchlib.registry import Option, Runtime

CALLS = 20_000  # that a diary has room for
ENTRY = struct.Struct("QQ")  # begin and end of a call


class _Session:
    def __init__(self, request):
        from benchlib_planted.faults import FAULTS

        FAULTS[request.options["open_fault"]]()
        self.options, self.folded = request.options, {}
        self.facts = {"providers": "Planted", "threads": request.threads}

    def bind(self, inputs, flat):
        from benchlib import tensors
        from benchlib_planted import mutants
        from benchlib_planted.faults import FAULTS

        options, calls = self.options, 0
        digest = tensors.content_hash(flat)
        # Memory of a file: a line of the diary costs no system call, and stands there whatever becomes of us.
        diary = None
        if options["diary"]:
            name = f"{options['diary']}.{os.getpid()}.{digest}"
            Path(name).write_bytes(bytes(CALLS * ENTRY.size))
            with open(name, "r+b") as file:
                diary = mmap.mmap(file.fileno(), 0)
            for page in range(0, len(diary), mmap.PAGESIZE):
                diary[page] = 0  # a page's first writing costs a fault, which would fall into a sample
        nanoseconds = int(options["seconds"] * 1e9)
        result = {"y": inputs["x"] * 2 + options["wrong"]}
        result = mutants.session(options["mutant"], inputs, self.folded) if options["mutant"] else result

        def call():
            nonlocal calls
            begin = time.perf_counter_ns()
            calls += 1
            if calls == options["fault_at"]:
                FAULTS[options["fault"]]()
            end = begin + nanoseconds
            while time.perf_counter_ns() < end:
                pass
            if diary is not None:
                ENTRY.pack_into(diary, (calls - 1) * ENTRY.size, begin, time.perf_counter_ns())
            return result(calls) if callable(result) else result

        return call


runtime = Runtime(
    name="planted",
    summary="known latencies",
    opens=("planted",),
    open=_Session,
    options={
        "seconds": Option(float, 0.0, "latency of a call: busy until then"),
        "diary": Option(str, "", "a file of begin and end of every call; process and input hash go into its name"),
        "mutant": Option(str, "", "which of the wrong outputs of `mutants`, or `none`: the right ones"),
        "wrong": Option(float, 0.0, "added to the right output"),
        "open_fault": Option(str, "", "what goes wrong while opening"),
        "fault": Option(str, "", "what goes wrong at call `fault_at`"),
        "fault_at": Option(int, 1, "the call that goes wrong"),
    },
    providers={"Planted": "cpu"},
)
