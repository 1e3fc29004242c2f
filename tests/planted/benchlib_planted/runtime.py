"""The runtime `planted`: calls with a known work and latency law, a diary of every call, and faults on demand."""

from benchlib.registry import Option, Runtime
from benchlib_planted import laws
from benchlib_planted.allocator import allocating, touched
from benchlib_planted.laws import LAWS
from benchlib_planted.works import WORKS, littering, spin


class _Session:
    def __init__(self, request):
        from benchlib_planted.faults import FAULTS

        FAULTS[request.options["open_fault"]]()
        own = request.options
        # one series for the session, whichever inputs its calls are on
        law = laws.series(own["law"], own["seconds"], own["law_seed"], **own["law_args"])
        self.options, self.folded = {**own, "series": law}, {}
        self.held = touched(self.options["allocate"])
        spin(self.options["spin"])
        self.facts = {"providers": "Planted", "threads": request.threads}

    def device_calls(self):
        """As on a device with a clock of its own, by which everything takes what the options say."""
        from benchlib.runtimes import DeviceCalls

        share = {"whole": 0.9, "compute": 0.6, "copy_in": 0.2, "copy_out": 0.1}
        parts = {name: (lambda name=name: name) for name in share}
        return DeviceCalls(**parts, wait=lambda: None, elapsed=lambda work: share[work()] * self.options["seconds"])

    def bind(self, inputs, flat):
        from benchlib import tensors
        from benchlib_planted import diary, faults, mutants

        options = self.options
        result = {"y": inputs["x"] * 2 + options["wrong"]}
        result = mutants.session(options["mutant"], inputs, self.folded) if options["mutant"] else result
        call = WORKS[options["work"]](options, result)
        if callable(result):
            call = mutants.answering(call, result)
        if options["garbage"]:
            call = littering(call, options["garbage"])
        if options["allocate_call"]:
            call = allocating(call, options["allocate_call"])
        if options["fault"]:
            call = faults.at(call, options["fault_at"], options["fault"])
        if options["diary"]:
            call = diary.kept(call, options["diary"], tensors.content_hash(flat))
        return call


runtime = Runtime(
    name="planted",
    summary="known latencies",
    opens=("planted",),
    open=_Session,
    options={
        "work": Option(str, "until", "what a call does", tuple(WORKS)),
        "seconds": Option(float, 0.0, "latency of a call: busy, or asleep, until then"),
        "law": Option(str, "fixed", "how the latency of `until` changes from call to call", tuple(LAWS)),
        "law_args": Option(dict, {}, "the law's own numbers: {every: 100}"),
        "law_seed": Option(int, 0, "seed of the law's chance"),
        "loops": Option(int, 1000, "turns of `counted` and `consumed`; side of the matrices of `matmul`"),
        "garbage": Option(int, 0, "cyclic objects that a call leaves"),
        "spin": Option(int, 0, "threads that burn processor time beside the calls"),
        "diary": Option(str, "", "a file of begin and end of every call; process and input hash go into its name"),
        "allocate": Option(float, 0.0, "MB that the session holds"),
        "allocate_call": Option(float, 0.0, "MB that each call touches and frees"),
        "mutant": Option(str, "", "which of the wrong outputs of `mutants`, or `none`: the right ones"),
        "wrong": Option(float, 0.0, "added to the right output"),
        "open_fault": Option(str, "", "what goes wrong while opening"),
        "fault": Option(str, "", "what goes wrong at call `fault_at`"),
        "fault_at": Option(int, 1, "the call that goes wrong"),
    },
    providers={"Planted": "cpu"},
)
