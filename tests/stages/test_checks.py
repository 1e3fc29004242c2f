"""Every check has a record that passes it, one that fails it, and where it has any, one to which it does not apply."""

from dataclasses import replace

import numpy as np
import pytest

from benchlib.measure import statistics
from benchlib.measure.samples import Samples
from benchlib.record import ContenderRecord, MemoryRecord, Record, StepTime
from benchlib.record.metadata import Session
from benchlib.record.metrics import Metrics
from benchlib.stages import checks, timing
from tests.stages import assembled
from tests.stages.assembled import CALLS, LATENCY, PAIRS, make_samples, plain


def make_record(samples: Samples) -> Record:
    steady = samples.counted(1)
    metrics = Metrics({
        "time_latency": float(np.median(steady)), "time_latency_mean": float(steady.mean()),
        "time_latency_min": float(steady.min()), "time_latency_median": float(np.median(steady)),
        "time_latency_max": float(steady.max()),
        **{f"time_latency_p{p:.0%}".rstrip("%"): statistics.percentile(steady, p) for p in (0.9, 0.95, 0.99)},
        "throughput": 4 * timing.call_rate(samples, 1), "repeat": len(steady), "num_cores": 2, "input_hash": "a" * 64,
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
        ("phases", "steps/measure/seconds", 3.0, ("all blocks took",)),
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


def test_what_goes_by_while_outputs_are_kept_is_not_lost():
    """The worker counts it: it lies between two samples of a block, and is none of the engine's."""
    samples = make_samples(gap=0.1 * LATENCY)
    for block in samples.blocks:
        block.noise["keeping"] = block.end - block.start - int(block.ns.sum())
    assert outcome("littles_law", make_record(samples), samples) == "passed"


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
    assert "two blocks ran at the same time, for 0.002 s" in outcome("phases", record, samples)


def test_calls_that_take_longer_than_their_epoch():
    samples = make_samples()
    record = make_record(samples)
    samples.blocks[9].ns[3] += 10**9
    assert "the calls of a block took" in outcome("phases", record, samples)


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


# -- each fault planted where it would arise, and found in the record that is assembled -----------


def suspicion(name: str, samples: Samples, **planted) -> str:
    """What a check says of the record that is assembled of these samples and sessions."""
    return assembled.assembled(samples, **planted).checks[name]


@pytest.fixture(scope="module")
def twice() -> Samples:
    """The reference takes twice as long."""
    return make_samples(law=plain(factor=2.0))


def test_an_assembled_record_of_healthy_samples_passes(twice):
    record = assembled.assembled(twice)
    assert record.suspect == [] and record.status == "ok"
    assert record.metrics["verdict"] == "faster"
    assert set(map(len, (c.processes for c in record.contenders))) == {PAIRS}


def test_a_later_process_with_other_inputs_is_found(twice):
    found = suspicion("same_inputs", twice, odd=assembled.make_session(input_hash="b" * 64))
    assert found == "failed: planted in process 4 holds the inputs bbbbbbbbbbbb, the saved ones are aaaaaaaaaaaa"


def test_a_later_process_with_another_precision_is_found(twice):
    found = suspicion("precision", twice, odd=assembled.make_session(precision={"matmul": "tf32"}))
    assert found.startswith("failed: float32 matrix products: ieee in planted")
    assert "tf32 in planted in process 4" in found


def test_a_later_process_with_more_threads_or_another_provider_is_found(twice):
    found = suspicion("threads_mismatch", twice, odd=assembled.make_session(threads=4))
    assert found == "failed: planted in process 4 is set to 4 threads, 2 were asked for"
    found = suspicion("device_and_provider", twice, odd=assembled.make_session(devices=["cuda:0"]))
    assert found == "failed: planted in process 4 was to run on cpu, parts of it are on cuda:0"


def test_a_percentile_of_too_few_independent_samples_is_found(monkeypatch):
    """A thousand samples that follow each other so closely that they are worth a few dozen."""

    def slow(contender, replicate, round_, chance):
        return LATENCY * (1 + 0.2 * np.sin(round_ / 3) + 0.01 * chance.random(CALLS)) * (1 if contender else 2)

    samples = make_samples(law=slow)
    record = assembled.assembled(samples)
    assert record.metrics["repeat"] == 1000 and record.metrics["samples_independent"] < 64
    assert record.metrics["time_latency_p90"] is None
    assert record.checks["percentiles"] == "passed"
    withheld = statistics.percentile
    monkeypatch.setattr(statistics, "percentile", lambda samples, p, independent=None: withheld(samples, p))
    found = suspicion("percentiles", samples)
    assert found.startswith("failed: p90 of 1000 samples worth ") and "where 64 are needed" in found


def test_percentiles_of_too_few_samples_are_found(monkeypatch):
    samples = make_samples(law=plain(factor=2.0), rounds=12)
    assert suspicion("percentiles", samples) == "passed"
    monkeypatch.setattr(statistics, "percentile", lambda samples, p, independent=None: float(np.quantile(samples, p)))
    assert suspicion("percentiles", samples).startswith("failed: p99 of 600 samples worth ")


def test_time_lost_between_calls_is_in_the_published_throughput():
    samples = make_samples(law=plain(factor=2.0), gap=0.1 * LATENCY)
    record = assembled.assembled(samples)
    assert record.metrics["throughput"] == pytest.approx(4 / (1.1 * LATENCY), rel=0.01)
    assert record.metrics["throughput_reference"] == pytest.approx(4 / (2.1 * LATENCY), rel=0.01)
    assert "in flight, not 1" in record.checks["littles_law"]


def test_a_throughput_that_counts_other_items_than_the_record_is_found(twice, monkeypatch):
    monkeypatch.setattr("benchlib.stages.measured.Measured.items", property(lambda measured: 1))
    assert "of batch 4" in suspicion("littles_law", twice)


def test_a_throughput_from_the_mean_alone_is_found_where_time_is_lost(monkeypatch):
    monkeypatch.setattr(timing, "call_rate", lambda samples, contender: 1 / samples.counted(contender).mean())
    assert "in flight, not 1" in suspicion("littles_law", make_samples(law=plain(factor=2.0), gap=0.1 * LATENCY))


def jumping(contender, replicate, round_, chance):
    """The way is five times as fast in 55 % of its rounds, and as slow as the reference in the others."""
    slow = 1.0 if contender == 0 or round_ % 20 >= 11 else 0.2
    return 5 * LATENCY * slow * np.exp(chance.normal(0, 0.02, CALLS))


def test_a_latency_that_jumps_between_two_values_has_ratios_that_differ():
    record = assembled.assembled(make_samples(law=jumping))
    assert record.suspect == ["ratios_agree"]
    found = record.checks["ratios_agree"]
    assert found.startswith("failed: bimodal: they differ: speedup 4.9")
    assert "ratio of means 1.7" in found


def test_processes_too_few_for_an_interval_of_ratios_are_too_few_to_tell():
    found = suspicion("ratios_agree", make_samples(law=jumping, pairs=2))
    assert found == "not applicable: fewer than 3 processes are too few to tell"


def busy(threads: int, share: float) -> Samples:
    """A way with so many threads, on a host that gives it a share of the time that they want; in one round of three it
    has the processors for itself."""
    samples = make_samples(law=plain(factor=2.0))
    for block in samples.blocks:
        want = (threads if block.contender else 1) * (block.end - block.start)
        block.cpu = int(want if block.round % 3 == 0 else share * want)
        block.noise["run_delay"] = want - block.cpu
    return samples


def test_a_thread_too_many_is_found_on_a_busy_host_whatever_the_engine_says():
    for said in (1, None):
        told = {"trial": {"num_cores": 1}, "sessions": [assembled.make_session(threads=said)] * 2}
        assert suspicion("threads_mismatch", busy(1, 0.4), **told) == "passed"
        found = suspicion("threads_mismatch", busy(2, 0.4), **told)
        assert found == "failed: planted used 2 cores, 1 threads were asked for"


def test_what_a_warm_server_imported_is_no_part_of_this_trial(twice):
    shared = [assembled.make_session(time_import=300.0, time_import_shared=300.0)] * 2
    record = assembled.assembled(twice, sessions=shared)
    assert record.checks["phases"] == "passed" and record.metrics["time_import"] == 300.0
    own = [assembled.make_session(time_import=300.0)] * 2
    assert "import, session and first call took 300" in suspicion("phases", twice, sessions=own)
