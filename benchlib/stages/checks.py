"""Checks of identity and possibility that every record passes, or is marked suspect for.

Each is a pure function of a record (`benchlib.record`) and its samples, registered by `@check` under its own name,
so that anybody can repeat it on an executed notebook. It returns None when nothing is wrong, else one line with
the figures; it raises `NotApplicable` where there is nothing to check.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from benchlib.measure import memory
from benchlib.measure.samples import STEADY, Epoch, Samples
from benchlib.measure.statistics import PERCENTILE_MINIMUM
from benchlib.precision import precision_differences
from benchlib.stages.machine_share import rate_from_memory

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"
TOLERANCE = 0.05
CLOCK = 1e-3  # seconds by which times of different processes and clocks may disagree
READING = 1e-5  # seconds that reading the clocks of an epoch may take

Check = Callable[[dict[str, Any], Samples], str | None]
CHECKS: dict[str, Check] = {}


class NotApplicable(Exception):
    """Says why there is nothing to check."""


def check(function: Check) -> Check:
    """Registers a check under its name."""
    CHECKS[function.__name__] = function
    return function


def outcomes(record: dict[str, Any], samples: Samples | None) -> dict[str, str]:
    """{name of the check: "passed", "failed: …" or "not applicable: …"}; without samples nothing was measured."""
    return {name: _outcome(function, record, samples) for name, function in CHECKS.items()}


def failed(found: dict[str, str]) -> list[str]:
    """The names of the checks that failed."""
    return [name for name, outcome in found.items() if outcome.startswith(FAILED)]


def _outcome(function: Check, record: dict[str, Any], samples: Samples | None) -> str:
    if samples is None or record["metrics"].get("time_latency") is None:
        return f"{NOT_APPLICABLE}: nothing was measured"
    try:
        problem = function(record, samples)
    except NotApplicable as reason:
        return f"{NOT_APPLICABLE}: {reason}"
    return f"{FAILED}: {problem}" if problem else PASSED


# -- the figures agree with each other -----------------------------------------------------------


@check
def littles_law(record: dict[str, Any], samples: Samples) -> str | None:
    """Calls per second × mean latency = calls in flight (J. Little, Operations Research 9, 1961). Calls per second
    from the epochs' own beginning and end, so that it is no tautology; the published throughput is held to it."""
    epochs = [e for e in _steady(samples) if e.contender == len(samples.contenders) - 1]
    seconds = sum(_seconds(e) - _inside(e, 0, e.skip) for e in epochs)
    calls = sum(_calls(e, e.skip) for e in epochs)
    rate, latency = calls / seconds, record["metrics"]["time_latency_mean"]
    items = record["metrics"].get("items") or record["trial"].get("batch_size", 1)
    outside = seconds - sum(_inside(e, e.skip) for e in epochs)
    if abs(rate * latency - 1) > TOLERANCE and abs(outside) > READING * len(epochs):
        return f"{rate:.4g} calls/s × {latency:.4g} s = {rate * latency:.4g} calls in flight, not 1"
    throughput = record["metrics"]["throughput"]
    if abs(throughput * latency / items - 1) > TOLERANCE:
        return f"throughput {throughput:.4g} items/s, but {rate:.4g} calls/s of batch {items} are {rate * items:.4g}"
    return None


@check
def percentiles(record: dict[str, Any], samples: Samples) -> str | None:
    """In order, and given only above their minimum count."""
    metrics = record["metrics"]
    names = ("min", "median", "p90", "p95", "p99", "max")
    found = {n: v for n in names if (v := metrics.get(f"time_latency_{n}")) is not None}
    for (low, below), (high, above) in pairwise(found.items()):
        if below > above:
            return f"{low} {below:.4g} s is above {high} {above:.4g} s"
    for p, least in PERCENTILE_MINIMUM.items():
        name = f"p{p * 100:g}"
        if name in found and metrics["repeat"] < least:
            return f"{name} of {metrics['repeat']} samples, where {least} are needed"
    return None


@check
def phases(record: dict[str, Any], samples: Samples) -> str | None:
    """Nothing takes longer than what it happened in: calls in their epoch, epochs one at a time and in their steps,
    an export and the starts of processes in theirs."""
    for e in samples.epochs:
        if _inside(e) > _seconds(e) + CLOCK:
            return f"the calls of an epoch took {_inside(e):.4g} s, the epoch {_seconds(e):.4g} s"
    ordered = sorted(samples.epochs, key=lambda e: e.start)
    for before, after in pairwise(ordered):
        if after.start < before.end:
            overlap = (before.end - after.start) / 1e9
            return f"two epochs ran at the same time, for {overlap:.4g} s of round {after.round}, pair {after.pair}"
    steps = {name: step["seconds"] for name, step in record["steps"].items()}
    metrics = record["metrics"]
    # One process of each kind is opened in `open`, its first call is in `check`, all else in `measure`.
    measuring = sum(steps.get(name, 0.0) for name in ("open", "check", "measure"))
    parts = {
        "all epochs": (sum(map(_seconds, samples.epochs)), measuring),
        "measuring": (metrics.get("time_measure", 0.0), steps.get("measure", 0.0)),
        "import, session and first call": (_sum(metrics, "time_import", "time_session", "time_first"), measuring),
        "all steps": (sum(steps.values()), metrics["time_wall"]),
    }
    if not metrics.get("artifact_cached"):  # a compiler works at the first call, which `check` makes
        step = "check" if "compile_cache" in metrics else "export"
        parts["export"] = metrics.get("time_export", 0.0), steps.get(step, 0.0)
    for what, (part, whole) in parts.items():
        if part > whole + CLOCK:
            return f"{what} took {part:.4g} s of a wall time of {whole:.4g} s"
    return None


# -- the figures are possible --------------------------------------------------------------------


@check
def peak_flop_rate(record: dict[str, Any], samples: Samples) -> str | None:
    """No way computes faster than the machine was ever seen to."""
    metrics = record["metrics"]
    _unchanged_arithmetic(record)
    if metrics.get("flop_rate") is None:
        raise NotApplicable(metrics.get("flops_reason") or "the operations of a call are not known")
    if metrics.get("peak_flop_rate") is None:
        raise NotApplicable("the peak of this host is not known")
    if metrics["flop_rate"] > (1 + TOLERANCE) * metrics["peak_flop_rate"]:
        return f"{metrics['flop_rate'] / 1e9:.4g} GFLOP/s, the peak is {metrics['peak_flop_rate'] / 1e9:.4g}"
    return None


@check
def memory_traffic(record: dict[str, Any], samples: Samples) -> str | None:
    """The weights that no cache can have held come from memory at each call, not faster than it delivers them."""
    metrics = record["metrics"]
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


def _unchanged_arithmetic(record: dict[str, Any]) -> None:
    """Work is counted on the loaded module: passes may put other arithmetic in its place."""
    if record["metrics"].get("computes", record["trial"]["dtype"]) != record["trial"]["dtype"]:
        raise NotApplicable(f"passes changed the arithmetic: {record['trial']['opt_patterns']}")


@check
def memory_of_the_weights(record: dict[str, Any], samples: Samples) -> str | None:
    """Whoever runs a model holds its weights."""
    if not record["memory"]:
        raise NotApplicable("memory was not measured")
    _unchanged_arithmetic(record)
    return memory.shortfall(record["metrics"])


@check
def energy_above_idle(record: dict[str, Any], samples: Samples) -> str | None:
    """A device takes more at work than when idle."""
    if record["metrics"].get("energy_per_item") is None:
        raise NotApplicable("energy was not measured")
    joules = record["metrics"]["energy_per_item"]
    return None if joules > 0 else f"{joules:.4g} J per item beyond what idling takes"


# -- everything ran as it was asked to -----------------------------------------------------------


@check
def threads_mismatch(record: dict[str, Any], samples: Samples) -> str | None:
    """The runtime's own setting is the requested one, and no more CPU time was used than so many threads can use."""
    asked = record["metrics"]["num_cores"]
    for index, contender in enumerate(record["contenders"]):
        if contender.get("threads", asked) != asked:
            return f"{contender['label']} is set to {contender['threads']} threads, {asked} were asked for"
        epochs = [e for e in _steady(samples) if e.contender == index]
        used, wall = sum(e.cpu for e in epochs) / 1e9, sum(map(_seconds, epochs))
        if used > (1 + TOLERANCE) * asked * wall + READING * len(epochs):
            return f"{contender['label']} used {used / wall:.3g} cores, {asked} threads were asked for"
    return None


@check
def device_and_provider(record: dict[str, Any], samples: Samples) -> str | None:
    """Requested = observed, for every contender."""
    device = record["trial"]["device"]
    for contender in record["contenders"]:
        asked, observed = contender["way"].get("provider"), contender.get("providers")
        if asked and observed and asked != observed:
            return f"{contender['label']} was to run on {asked}, it runs on {observed}"
        for found in contender.get("devices", ()):
            if found.partition(":")[0] != device.partition(":")[0] or (":" in device and found != device):
                return f"{contender['label']} was to run on {device}, parts of it are on {found}"
    return None


@check
def same_inputs(record: dict[str, Any], samples: Samples) -> str | None:
    """Every contender holds the same bytes as inputs, those of the saved model."""
    wanted = record["metrics"]["input_hash"]
    for contender in record["contenders"]:
        held = contender["input_hash"]
        if held != wanted:
            return f"{contender['label']} holds the inputs {held[:12]}, the saved ones are {wanted[:12]}"
    return None


@check
def precision(record: dict[str, Any], samples: Samples) -> str | None:
    """Where a speedup is published, all contenders compute with the same precision."""
    if record["metrics"].get("speedup") is None:
        raise NotApplicable("no speedup is published")
    facts = {f"{c['label']} ({n})": c for n, c in enumerate(record["contenders"])}
    return "; ".join(precision_differences(facts)) or None


# -- helpers -------------------------------------------------------------------------------------


def _steady(samples: Samples) -> list[Epoch]:
    return [e for e in samples.epochs if e.phase == STEADY]


def _seconds(epoch: Epoch) -> float:
    return (epoch.end - epoch.start) / 1e9


def _inside(epoch: Epoch, first: int = 0, last: int | None = None) -> float:
    """Seconds inside the samples `first` to `last` of an epoch."""
    return float(epoch.ns[first:last].sum()) / 1e9


def _calls(epoch: Epoch, first: int = 0) -> int:
    """Calls of an epoch from sample `first` on."""
    return (len(epoch.ns) - first) * epoch.inner


def _sum(metrics: dict[str, Any], *names: str) -> float:
    return sum(metrics.get(name) or 0.0 for name in names)
