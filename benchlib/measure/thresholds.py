"""From where on a host counts as busy, a block as disturbed and a result as known well enough: every number, once.

They are set from `python -m tests.bench busy_host`: MiniLM and ResNet-18 at `quick` on a virtual host of two cores,
alone and beside 1, 2 and 4 loops of three kinds. A quiet host has to read as quiet (at least 80 % of its trials
converge, under 20 % of its blocks are flagged, at most 5 % of its verdicts are lost), and one beside loops as busy.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# -- a verdict is lost ---------------------------------------------------------------------------

# Share of the threads' time, the median over the blocks of a contender. Alone it was 0.6 % at most, for one thread
# beside one loop 0.9 %, for two threads beside any loop at least 20 % for one of the contenders; a neighbour with 3 %
# of a core takes under 2 %.
LOST = 0.05
# … where the interval is far too wide besides: a wide interval alone says nothing of the host.
LOST_AND_WIDE = 0.02
WIDE = 3.0  # times the target of the level
# Share by which the reference load may differ from its usual time within a trial, where nothing counts what was lost.
# The quicker process of a replicate counts. A virtual host's neighbours on the same physical cores, which no counter
# shows, moved it by up to 79 % while the ratios of the pairs stayed; two busy loops beside two threads by over 100 %.
LOAD_MOVED = 1.0
# Ratio of the largest to the smallest latency of one reference between the trials of a study: up to 1.15 alone, 2.1
# beside one loop; pairing cancels that much of the first.
REFERENCE_MOVED = 1.5

# -- between trials ------------------------------------------------------------------------------

# Half the 95 % interval, on the logarithm, by which what one way does and the other does not moves from trial to trial.
# ResNet-18, whose slower way spends 44 % of its time on what the quicker one saves, gave 1.73 to 1.95 within two quiet
# hours of a virtual host. Beside a loop that copies memory on the other one of two cores a MiniLM of 1.54 to 1.61 gave
# 1.76 to 1.80. With 0.05 and 0.5, 5 of 61 published intervals excluded the quiet ratio; with these none did.
MOVES = 0.12
MOVES_BESIDE = 0.7  # … and so much for each share of the allowed cores that others take

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
DRIFTED = 0.50  # of the reference load: alone a tenth in two of three readings, a half in next to none

# -- convergence ---------------------------------------------------------------------------------

# Half the interval that is published, over replicates, as a share: the margin of the level, within which it decides
# nothing. Alone it was 2 to 10 % at quick, beside loops 11 to 140 %.
RATIO_TARGETS: Mapping[str, float] = MappingProxyType({"quick": 0.10, "precise": 0.02})
# Half the interval of a process's median, as a share, in half of the processes: within one process samples follow
# each other closely, so that quiet ones reach ± 22 % where the ratio of a pair is known to 5 %.
PROCESS_TARGETS: Mapping[str, float] = MappingProxyType({"quick": 0.25, "precise": 0.10})
