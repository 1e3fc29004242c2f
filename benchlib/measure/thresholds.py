"""From where on a host counts as busy, a block as disturbed and a result as known well enough: every number, once.

They are set from runs of `tests.bench.busy_host`: a quiet two-core virtual host has to read as quiet (at least 80 % of
its quick trials converge, under 20 % of its blocks are flagged, at most 5 % of its verdicts are lost), and one beside
busy loops as busy.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# -- a verdict is lost ---------------------------------------------------------------------------

# Share of the threads' time, the median over the blocks of a contender. One loop beside two threads on two cores takes
# 33 %, beside one thread next to nothing, a neighbour with 3 % of a core under 2 %.
LOST = 0.10
# … where the interval is far too wide besides: a wide interval alone says nothing of the host.
LOST_AND_WIDE = 0.05
WIDE = 5.0  # times the target of the level
# Share by which the reference load may differ from its usual time within a trial. The quicker process of a replicate
# counts: one process in a hundred runs the interpreter's loop slower by a fifth, whatever the host does.
LOAD_MOVED = 0.10
# Ratio of the largest to the smallest latency of one reference between the trials of a study. Hosts that nobody else
# uses come to 1.1 over a day, as clocks and temperatures change; pairing cancels that much.
REFERENCE_MOVED = 1.3

# -- waiting for quiet ---------------------------------------------------------------------------

BUSY = 0.05  # share of the allowed cores that others take, above which a trial waits
LOOK_BACK = 2.0  # seconds before a replicate that tell how busy the host is …
LEAST_LOOK = 0.5  # … and so many at least: the system counts in steps of 10 ms
LOOK = 1.0  # seconds between two looks while a trial waits
VAIN_TRIALS = 3  # that waited in vain, in a row, after which a sweep waits no longer

# -- flags of a block ----------------------------------------------------------------------------

# Each at about half of what loses a verdict: at the 1 % that they stood at, one timer interrupt set a flag in a block
# of 40 ms, and 73 % of the blocks of an idle host carried one.
STOLEN = 0.05  # share of the allowed cores' time that the virtual machine's host took
PRESSURE = 0.50  # share of the time in which some task waited, anybody's: our own pools of threads cause it too
DELAYED = 0.05  # share of the requested threads' time
SWITCHES, SWITCHES_FREE = 100, 8  # per second and requested thread, beyond so many in a block: a loop beside it has 250
DRIFTED = 0.10  # of the reference load, as LOAD_MOVED

# -- convergence ---------------------------------------------------------------------------------

# Half the interval that is published, over replicates, as a share. At quick half of the 10 % under which it decides
# nothing, at precise its margin. Intervals of the quiet study of 28 November came to 1 to 4 %.
RATIO_TARGETS: Mapping[str, float] = MappingProxyType({"quick": 0.05, "precise": 0.02})
# Half the interval of a process's median, as a share, in half of the processes: within one process samples follow
# each other closely, so that quiet ones reach ± 25 % where the ratio of a pair is known to 2 %.
PROCESS_TARGETS: Mapping[str, float] = MappingProxyType({"quick": 0.10, "precise": 0.05})
