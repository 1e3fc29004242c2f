"""Every check has a record that passes it, one that fails it, and where it has any, one to which it does not apply."""

from dataclasses import replace

import numpy as np
import pytest

from benchlib.measure import statistics
from benchlib.measure.samples import STEADY, WARMUP, Block, Samples
from benchlib.record import Record
from benchlib.record.metadata import Session
from benchlib.record.metrics import Metrics
from benchlib.record.record import ContenderRecord, MemoryRecord, StepTime
from benchlib.stages import checks

LATENCY, CALLS, ROUNDS, PAIRS = 5e-3, 10, 20, 5


def make_samples(latency=LATENCY, gap=1e-6, cores=1.9) -> Samples:
    """Two contenders in turns, equally fast; `gap` seconds between calls, `cores` busy during an epoch."""
    chance, samples, now = np.random.default_rng(0), Samples(["eager", "script"]), 10**9
    for pair in range(PAIRS):
        for round_ in range(-1, ROUNDS):
            for contender in (0, 1):
                ns = (latency * 1e9 * np.exp(chance.normal(0, 0.02, CALLS + 1))).astype(np.uint64)
                ns[0] *= 3  # the first after a stop
                end = now + int(ns.sum()) + int(gap * 1e9) * len(ns)
                phase = WARMUP if round_ < 0 else STEADY
                skip = int(round_ >= 0)
                samples.blocks.append(
                    Block(contender, pair, round_, phase, now, end, int(cores * (end - now)), skip, ns)
                )
                now = end + 10**6
    return samples


def make_record(samples: Samples) -> Record:
    steady = samples.counted(1)
    metrics = Metrics({
        "time_latency": float(np.median(steady)), "time_latency_mean": float(steady.mean()),
        "time_latency_min": float(steady.min()), "time_latency_median": float(np.median(steady)),
        "time_latency_max": float(steady.max()),
        **{f"time_latency_p{p:.0%}".rstrip("%"): statistics.percentile(steady, p) for p in (0.9, 0.95, 0.99)},
        "throughput": 4 / float(steady.mean()), "repeat": len(steady), "num_cores": 2, "input_hash": "a" * 64,
        "time_measure": 14.0, "time_import": 0.5, "time_session": 0.1, "time_first": 0.02, "time_export": 2.0,
        "export_cached": False, "time_wall": 21.0, "time_total": 20.0,
        "flops": 2e8, "flop_rate": 2e8 / LATENCY, "peak_flop_rate": 1e11,
        "weights_read_size": 6e7, "cache_size": 3e7, "memory_bandwidth": 2e10,
        "weights_size": 6e7, "memory_vmhwm_session": 7e7, "energy_per_item": 0.2, "speedup": 1.5,
    })  # fmt: skip
    steps = {"load": 1.0, "export": 2.1, "open": 1.2, "check": 0.7, "measure": 15.0}
    return Record(
        "k", "n", "ok", {"batch_size": 4, "device": "cpu", "dtype": "float32", "opt_patterns": "int8-dynamic"},
        metrics,
        steps={name: StepTime(seconds, "ok") for name, seconds in steps.items()},
        memory=[MemoryRecord("eager")],
        contenders=[ContenderRecord(way, {"provider": "CPU"}, make_session()) for way in ("eager", "script")],
    )  # fmt: skip


def make_session() -> Session:
    return Session("CPU", threads=2, input_hash="a" * 64, devices=["cpu"], precision={"matmul": "ieee"})


def changed(path: str, value) -> Record:
    """The good record with the value at `path` (`contenders/1/session/threads`) replaced; None takes it away."""
    record = make_record(make_samples())
    *parents, last = path.split("/")
    place = record
    for name in parents:
        place = place[name] if isinstance(place, dict) else place[int(name)] if name.isdigit() else getattr(place, name)
    if not isinstance(place, dict):
        setattr(place, last, value)
    elif value is None:
        del place[last]
    else:
        place[last] = value
    return record


def outcome(name: str, record: Record, samples: Samples | None = None) -> str:
    return checks.outcomes(record, samples or make_samples())[name]


def test_a_good_record_passes_every_check():
    samples = make_samples()
    found = checks.outcomes(make_record(samples), samples)
    assert set(found.values()) == {"passed"}
    assert checks.failed(found) == []
    assert {"littles_law", "percentiles", "phases", "peak_flop_rate", "memory_traffic", "threads_mismatch",
            "device_and_provider", "same_inputs"} <= set(found)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "path", "value", "figures"),
    [
        ("littles_law", "metrics/time_latency_mean", LATENCY * 1.1, ("calls/s", "in flight, not 1")),
        ("littles_law", "metrics/throughput", 1 / LATENCY, ("of batch 4",)),  # forgot the batch
        ("littles_law", "metrics/items", 8, ("of batch 8",)),  # the file's own batch
        ("percentiles", "metrics/time_latency_p90", 4e-3, ("median", "is above p90 0.004 s")),
        ("percentiles", "metrics/time_latency_min", 1.0, ("min 1 s is above median",)),
        ("percentiles", "metrics/repeat", 661, ("p99 of 661 samples, where 662 are needed",)),
        ("phases", "steps/measure/seconds", 3.0, ("all epochs took",)),
        ("phases", "metrics/time_measure", 16.0, ("measuring took 16 s of a wall time of 15 s",)),
        ("phases", "metrics/time_export", 2.2, ("export took 2.2 s of a wall time of 2.1 s",)),
        ("phases", "metrics/time_session", 30.0, ("import, session and first call took 30.5",)),
        ("phases", "metrics/time_wall", 19.0, ("all steps took 20 s of a wall time of 19 s",)),
        ("memory_of_the_weights", "metrics/memory_vmhwm_session", 2e7, ("20 MB held, less than the weights' 60 MB",)),
        ("precision", "contenders/1/session/precision", {"matmul": "tf32"}, ("float32 matrix products",)),
        ("energy_above_idle", "metrics/energy_per_item", -0.1, ("-0.1 J per item",)),
        ("peak_flop_rate", "metrics/flop_rate", 1.06e11, ("106 GFLOP/s, the peak is 100",)),
        ("memory_traffic", "metrics/weights_read_size", 1.4e8, ("GB/s of weights, memory delivers 20",)),
        ("threads_mismatch", "contenders/1/session/threads", 1, ("script is set to 1 threads, 2 were asked for",)),
        ("threads_mismatch", "metrics/num_cores", 1, ("eager is set to 2 threads, 1 were asked for",)),
        ("device_and_provider", "contenders/1/session/providers", "CPUExecutionProvider",
         ("was to run on CPU, it runs on",)),
        ("device_and_provider", "contenders/0/session/devices", ["cpu", "cuda:0"], ("parts of it are on cuda:0",)),
        ("device_and_provider", "trial/device", "cuda", ("was to run on cuda, parts of it are on cpu",)),
        ("same_inputs", "contenders/0/session/input_hash", "b" * 64, ("eager holds the inputs bbbbbbbbbbbb",)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_figures(name, path, value, figures):
    found = outcome(name, changed(path, value))
    assert found.startswith("failed: ")
    for text in figures:
        assert text in found
    others = checks.outcomes(changed(path, value), make_samples())
    assert checks.failed(others).count(name) == 1


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("littles_law", "metrics/time_latency_mean", LATENCY * 1.04),
        ("peak_flop_rate", "metrics/flop_rate", 1.04e11),
        ("memory_traffic", "metrics/weights_read_size", 1.3e8),  # 10⁸ beyond the cache in 5 ms: 20 GB/s
        ("percentiles", "metrics/repeat", 662),
        ("phases", "metrics/export_cached", True),
        ("device_and_provider", "contenders/0/session/devices", ["cpu"]),
    ],
)
def test_what_can_just_be_passes(name, path, value):
    assert outcome(name, changed(path, value)) == "passed"


def test_an_export_of_an_earlier_trial_is_no_phase_of_this_one():
    record = changed("metrics/time_export", 500.0)
    record.metrics["export_cached"] = True
    assert outcome("phases", record) == "passed"


@pytest.mark.parametrize(("seconds", "wanted"), [(0.6, "passed"), (0.8, "failed: export took 0.8 s")])
def test_a_compiler_exports_at_the_first_call_which_the_step_check_makes(seconds, wanted):
    record = changed("metrics/time_export", seconds)
    record.metrics["compile_cache"] = "cold"
    record.steps["export"].seconds = 0.0
    assert outcome("phases", record).startswith(wanted)


@pytest.mark.parametrize(
    ("name", "path", "value", "why"),
    [
        ("peak_flop_rate", "metrics/flop_rate", None, "operations of a call"),
        ("peak_flop_rate", "metrics/peak_flop_rate", None, "the peak of this host"),
        ("peak_flop_rate", "metrics/computes", "int8", "passes changed the arithmetic: int8-dynamic"),
        ("memory_traffic", "metrics/weights_read_size", None, "which weights"),
        ("memory_traffic", "metrics/weights_read_size", 3e7, "fit the last-level cache"),
        ("memory_traffic", "metrics/memory_bandwidth", None, "bandwidth"),
        ("memory_traffic", "metrics/computes", "int4", "passes changed"),
        ("memory_of_the_weights", "memory", [], "memory was not measured"),
        ("memory_of_the_weights", "metrics/computes", "float16", "passes changed"),
        ("precision", "metrics/speedup", None, "no speedup is published"),
        ("energy_above_idle", "metrics/energy_per_item", None, "energy was not measured"),
    ],
)
def test_what_cannot_be_checked_says_why(name, path, value, why):
    found = outcome(name, changed(path, value))
    assert found.startswith("not applicable: ")
    assert why in found


def test_the_reason_for_unknown_flops_is_passed_on():
    record = changed("metrics/flop_rate", None)
    record.metrics["flops_reason"] = "the source gives no torch module"
    assert outcome("peak_flop_rate", record) == "not applicable: the source gives no torch module"


def test_time_lost_between_calls_breaks_littles_law():
    """A tenth of each call's time goes by between the calls: throughput from mean latency would be too high."""
    samples = make_samples(gap=0.1 * LATENCY)
    assert "in flight, not 1" in outcome("littles_law", make_record(samples), samples)


def test_calls_so_short_that_reading_the_clock_shows_are_no_fault_of_the_figures():
    samples = make_samples(latency=1e-6, gap=1e-7)
    assert outcome("littles_law", make_record(samples), samples) == "passed"


def test_a_runtime_that_uses_more_cores_than_it_says():
    samples = make_samples(cores=2.2)
    found = outcome("threads_mismatch", make_record(samples), samples)
    assert found == "failed: eager used 2.2 cores, 2 threads were asked for"
    assert outcome("threads_mismatch", make_record(samples), make_samples(cores=2.05)) == "passed"


def test_two_contenders_at_the_same_time():
    samples = make_samples()
    record = make_record(samples)
    samples.blocks[9].start -= 3 * 10**6
    assert "two epochs ran at the same time, for 0.002 s" in outcome("phases", record, samples)


def test_calls_that_take_longer_than_their_epoch():
    samples = make_samples()
    record = make_record(samples)
    samples.blocks[9].ns[3] += 10**9
    assert "the calls of an epoch took" in outcome("phases", record, samples)


def test_nothing_measured_nothing_checked():
    found = checks.outcomes(replace(make_record(make_samples()), metrics=Metrics()), None)
    assert set(found.values()) == {"not applicable: nothing was measured"}
    assert checks.failed(found) == []


def test_another_check_is_one_function(monkeypatch):
    monkeypatch.setattr(checks, "CHECKS", dict(checks.CHECKS))

    @checks.check
    def mine(record, samples):
        return "1 is not 2"

    assert outcome("mine", make_record(make_samples())) == "failed: 1 is not 2"
