"""Checks of identity and possibility that every record passes, or is marked suspect for.

Each is a pure function of a `Record` and its samples, registered by `@check` under its own name, so that anybody can
repeat it on an executed notebook. It returns None when nothing is wrong, else one line with the figures; it raises
`NotApplicable` where there is nothing to check.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from benchlib.measure import agreement, memory
from benchlib.measure.cores import cores_used
from benchlib.measure.samples import STEADY, Block, Samples
from benchlib.measure.statistics import PERCENTILE_MINIMUM, independent_count
from benchlib.precision import precision_differences
from benchlib.record import ProcessSettings, Record
from benchlib.record.metrics import Metrics
from benchlib.stages.machine_share import rate_from_memory

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"
TOLERANCE = 0.05
CLOCK = 1e-3  # seconds by which times of different processes and clocks may disagree

Check = Callable[[Record, Samples], str | None]
CHECKS: dict[str, Check] = {}


class NotApplicable(Exception):
    """Says why there is nothing to check."""


def check(function: Check) -> Check:
    """Registers a check under its name."""
    CHECKS[function.__name__] = function
    return function


def outcomes(record: Record, samples: Samples | None) -> dict[str, str]:
    """{name of the check: "passed", "failed: …" or "not applicable: …"}; without samples nothing was measured."""
    return {name: _outcome(function, record, samples) for name, function in CHECKS.items()}


def failed(found: dict[str, str]) -> list[str]:
    """The names of the checks that failed."""
    return [name for name, outcome in found.items() if outcome.startswith(FAILED)]


def _outcome(function: Check, record: Record, samples: Samples | None) -> str:
    if samples is None or record.metrics.get("time_latency") is None:
        return f"{NOT_APPLICABLE}: nothing was measured"
    try:
        problem = function(record, samples)
    except NotApplicable as reason:
        return f"{NOT_APPLICABLE}: {reason}"
    return f"{FAILED}: {problem}" if problem else PASSED


# -- the figures agree with each other -----------------------------------------------------------


@check
def littles_law(record: Record, samples: Samples) -> str | None:
    """Calls per second × mean latency = calls in flight (J. Little, Operations Research 9, 1961). Calls per second
    come from the blocks' beginning and end (but for the time in which outputs were kept between two calls), latency
    from the samples within; the published throughput is held to the former, for the items that the record says a call
    has."""
    blocks = [b for b in _steady(samples) if b.contender == len(samples.contenders) - 1]
    between = sum(b.between for b in blocks)
    loops = sum((len(b.ns) - b.discarded) * b.loop_overhead for b in blocks) / 1e9
    calls = sum((len(b.ns) - b.discarded) * b.loops for b in blocks)
    rate = calls / (sum(_inside(b, b.discarded) for b in blocks) - loops + between)
    latency, items = record.metrics["time_latency_mean"], record.metrics.get("items") or record.trial["batch_size"]
    if abs(rate * latency - 1) > TOLERANCE:
        return f"{rate:.4g} calls/s × {latency:.4g} s = {rate * latency:.4g} calls in flight, not 1"
    throughput = record.metrics["throughput"]
    if abs(throughput / (rate * items) - 1) > TOLERANCE:
        return f"throughput {throughput:.4g} items/s, but {rate:.4g} calls/s of batch {items} are {rate * items:.4g}"
    return None


@check
def percentiles(record: Record, samples: Samples) -> str | None:
    """In order, and given only above their minimum count of independent samples, counted here once more."""
    metrics = record.metrics
    named = {name: metrics.get(f"time_latency_{name}") for name in ("min", "median", "p90", "p95", "p99", "max")}
    found = {name: value for name, value in named.items() if value is not None}
    for (low, below), (high, above) in pairwise(found.items()):
        if below > above:
            return f"{low} {below:.4g} s is above {high} {above:.4g} s"
    steady = samples.counted(len(samples.contenders) - 1)
    for p, least in PERCENTILE_MINIMUM.items():
        name = f"p{p * 100:g}"
        if name in found and (independent := independent_count(steady)) < least:
            return f"{name} of {len(steady)} samples worth {independent:.4g} independent ones, where {least} are needed"
    return None


@check
def ratios_agree(record: Record, samples: Samples) -> str | None:
    """Speedup, ratio of medians and ratio of means say the same, unless a latency jumps between two values."""
    if record.metrics.get("speedup") is None:
        raise NotApplicable("no speedup is published")
    found = agreement.ratios(samples, len(samples.contenders) - 1)
    if found is None:
        raise NotApplicable(f"fewer than {agreement.MINIMUM} processes are too few to tell")
    return f"bimodal: they differ: {found.words()}" if found.differ else None


@check
def phases(record: Record, samples: Samples) -> str | None:
    """Nothing takes longer than what it happened in: calls in their block, blocks one at a time, all in their steps."""
    for block in samples.blocks:
        if _inside(block) > _seconds(block) + CLOCK:
            return f"the calls of a block took {_inside(block):.4g} s, the block {_seconds(block):.4g} s"
    ordered = sorted(samples.blocks, key=lambda block: block.start)
    for before, after in pairwise(ordered):
        if after.start < before.end:
            overlap = (before.end - after.start) / 1e9
            where = f"round {after.round}, pair {after.replicate}"
            return f"two blocks ran at the same time, for {overlap:.4g} s of {where}"
    for what, (part, whole) in _parts(record, samples).items():
        if part > whole + CLOCK:
            return f"{what} took {part:.4g} s of a wall time of {whole:.4g} s"
    return None


def _parts(record: Record, samples: Samples) -> dict[str, tuple[float, float]]:
    """What is part of what, in seconds: (the part, the whole)."""
    steps = {name: step.seconds for name, step in record.steps.items()}
    metrics = record.metrics
    # One process of each kind is opened in `open`, its first call is in `check`, all else in `measure`.
    measuring = sum(steps.get(name, 0.0) for name in ("open", "check", "measure"))
    shared = sum(session.time_import_shared for c in record.contenders[-1:] if (session := c.session))
    here = _sum(metrics, "time_import", "time_session", "time_first") - shared
    parts = {
        "all blocks": (sum(map(_seconds, samples.blocks)), measuring),
        "measuring": (metrics.get("time_measure", 0.0), steps.get("measure", 0.0)),
        "import, session and first call": (here, measuring),
        "all steps": (sum(steps.values()), metrics["time_wall"]),
    }
    if not metrics.get("export_cached"):  # a compiler works at the first call, which `check` makes
        step = "check" if "compile_cache" in metrics else "export"
        parts["export"] = metrics.get("time_export", 0.0), steps.get(step, 0.0)
    return parts


# -- the figures are possible --------------------------------------------------------------------


@check
def peak_flop_rate(record: Record, samples: Samples) -> str | None:
    """No way computes faster than the machine was ever seen to."""
    metrics = record.metrics
    _unchanged_arithmetic(record)
    if metrics.get("flop_rate") is None:
        raise NotApplicable(metrics.get("flops_reason") or "the operations of a call are not known")
    if metrics.get("peak_flop_rate") is None:
        raise NotApplicable("the peak of this host is not known")
    if metrics["flop_rate"] > (1 + TOLERANCE) * metrics["peak_flop_rate"]:
        return f"{metrics['flop_rate'] / 1e9:.4g} GFLOP/s, the peak is {metrics['peak_flop_rate'] / 1e9:.4g}"
    return None


@check
def memory_traffic(record: Record, samples: Samples) -> str | None:
    """The weights that no cache can have held come from memory at each call, not faster than it delivers them."""
    metrics = record.metrics
    _unchanged_arithmetic(record)
    if metrics.get("weights_read_size") is None:
        raise NotApplicable("it is not known which weights a call reads")
    if metrics.get("memory_bandwidth") is None:
        raise NotApplicable("the memory bandwidth of this host is not known")
    if metrics["cache_size"] is None:
        raise NotApplicable("the size of the last-level cache is not known")
    if metrics["weights_read_size"] <= metrics["cache_size"]:
        raise NotApplicable("the weights fit the last-level cache")
    rate = rate_from_memory(metrics)
    if rate > (1 + TOLERANCE) * metrics["memory_bandwidth"]:
        return f"{rate / 1e9:.4g} GB/s of weights, memory delivers {metrics['memory_bandwidth'] / 1e9:.4g}"
    return None


def _unchanged_arithmetic(record: Record) -> None:
    """Work is counted on the loaded module: passes may put other arithmetic in its place."""
    if record.metrics.get("computes", record.trial["dtype"]) != record.trial["dtype"]:
        raise NotApplicable(f"passes changed the arithmetic: {record.trial['opt_patterns']}")


@check
def memory_of_the_weights(record: Record, samples: Samples) -> str | None:
    """Whoever runs a model holds its weights."""
    if not record.memory:
        raise NotApplicable("memory was not measured")
    _unchanged_arithmetic(record)
    return memory.shortfall(record.metrics)


@check
def energy_above_idle(record: Record, samples: Samples) -> str | None:
    """A device takes more at work than when idle."""
    if record.metrics.get("energy_per_item") is None:
        raise NotApplicable("energy was not measured")
    joules = record.metrics["energy_per_item"]
    return None if joules > 0 else f"{joules:.4g} J per item beyond what idling takes"


# -- everything ran as it was asked to -----------------------------------------------------------


@check
def threads_mismatch(record: Record, samples: Samples) -> str | None:
    """The runtime's own setting is the requested one, in every process; and whatever it says, no more CPU time was used
    than so many threads can use, in the busier blocks either: where others take the processors, the rest of them do
    not show a thread too many."""
    asked = record.metrics["num_cores"]
    for label, _, process in _processes(record):
        if process.threads not in (None, asked):
            return f"{label} is set to {process.threads} threads, {asked} were asked for"
    for index, contender in enumerate(record.contenders):
        blocks = [b for b in _steady(samples) if b.contender == index]
        if (cores := cores_used(blocks)) > (1 + TOLERANCE) * asked:
            return f"{contender.label} used {cores:.3g} cores, {asked} threads were asked for"
    return None


@check
def device_and_provider(record: Record, samples: Samples) -> str | None:
    """Requested = observed, for every process of every contender."""
    device = record.trial["device"]
    for label, way, process in _processes(record):
        asked, observed = way.get("provider"), process.providers
        if asked and observed and asked != observed:
            return f"{label} was to run on {asked}, it runs on {observed}"
        for place in process.devices:
            if place.partition(":")[0] != device.partition(":")[0] or (":" in device and place != device):
                return f"{label} was to run on {device}, parts of it are on {place}"
    return None


@check
def same_inputs(record: Record, samples: Samples) -> str | None:
    """Every process of every contender holds the same bytes as inputs, those of the saved model. Opening holds the
    first one of each to that, and ends the trial; the later ones are opened while it is measured."""
    wanted = record.metrics["input_hash"]
    for label, _, process in _processes(record):
        if process.input_hash != wanted:
            return f"{label} holds the inputs {process.input_hash[:12]}, the saved ones are {wanted[:12]}"
    return None


@check
def precision(record: Record, samples: Samples) -> str | None:
    """Where a speedup is published, all processes of all contenders compute with the same precision. It is published
    where the first ones do."""
    if record.metrics.get("speedup") is None:
        raise NotApplicable("no speedup is published")
    said: dict[str, dict[str, str]] = {}
    for number, (label, _, process) in enumerate(_processes(record)):
        if process.precision not in said.values() or number == 0:
            said[f"{label} ({number})"] = process.precision
    return "; ".join(precision_differences(said)) or None


# -- helpers -------------------------------------------------------------------------------------


def _processes(record: Record) -> list[tuple[str, dict[str, Any], ProcessSettings]]:
    """What each process of each contender said of itself, with a name for it and its way; of a record of an earlier
    version, which has them not, the first process of each."""
    found = []
    for contender in record.contenders:
        first = [ProcessSettings.of(contender.session)] if contender.session else []
        for number, process in enumerate(contender.processes or first):
            label = f"{contender.label} in process {number}" if number else contender.label
            found.append((label, contender.way, process))
    return found


def _steady(samples: Samples) -> list[Block]:
    return [block for block in samples.blocks if block.phase == STEADY]


def _seconds(block: Block) -> float:
    return (block.end - block.start) / 1e9


def _inside(block: Block, first: int = 0, last: int | None = None) -> float:
    """Seconds inside the samples `first` to `last` of a block."""
    return float(block.ns[first:last].sum()) / 1e9


def _sum(metrics: Metrics, *names: str) -> float:
    return sum(metrics.get(name) or 0.0 for name in names)
