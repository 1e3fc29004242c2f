"""Which calls a replicate makes of its contenders, in which order: held to what it was, call by call.

The digests are of the rules since blocks take equal time and discard what their own contender needs; those of version
8922cd1, which took equal calls, went with its rules. Since slow calls have six rounds at quick too, so that the median
of a process has an interval, those of slow calls are new. Whoever changes a rule makes them anew, and says so here:
`python -m tests.measure.test_schedule`.
"""

import json
from pathlib import Path

import pytest

from benchlib.measure.rounds import Pace, measure_replicate
from benchlib.measure.schedule import ReplicatePlan
from tests.measure.replicates import CASES, Case, Trace
from tests.measure.simulated import Simulated, World

FILE = Path(__file__).with_name("schedules.json")
DIGESTS = json.loads(FILE.read_text()) if FILE.exists() else {}


class Noting(Simulated):
    """A contender that notes what it is asked for."""

    def __init__(self, index, note, *arguments):
        super().__init__(*arguments)
        self.index, self.note = index, note

    def run(self, samples, loops=1, core=None, input_set=None, discarded=0):
        self.note((self.index, samples, loops, core, input_set, discarded))
        return super().run(samples, loops, core, input_set, discarded)

    def freeze(self):
        self.note((self.index, "freeze"))
        super().freeze()


def trace(case: Case) -> Trace:
    """What a case asks of its contenders, each block that it keeps, and what it comes to."""
    world, found = World(case.tick), Trace()
    contenders = [Noting(i, found.calls.append, world, law(), case.noise) for i, law in enumerate(case.laws)]
    pace = Pace(list(case.warmup_calls or [case.level.warmup_calls] * len(contenders)), case.loops and [*case.loops])
    plan = ReplicatePlan(
        0, case.level, case.seed, case.samples_limit, case.start_cost, first=case.first, cores=case.cores
    )
    done = measure_replicate(contenders, plan, pace, world.seconds)
    found.calls += [
        (b.contender, b.replicate, b.round, b.phase, b.start, b.end, b.cpu, b.discarded, int(b.ns.sum()), len(b.ns),
         b.loops, b.loop_overhead, b.repeats, sorted(b.noise.items()))
        for b in done.blocks
    ]  # fmt: skip
    widths = [f"{width:.9g}" for width in done.half_widths]
    found.calls.append((done.warmed_up, done.converged, widths, done.retried, pace.loops))
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_same_calls_in_the_same_order_with_the_same_figures(name):
    assert trace(CASES[name]).digest() == DIGESTS[name]


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: trace(case).digest() for name, case in CASES.items()}, indent=0) + "\n")
