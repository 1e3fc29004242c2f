"""Latencies, throughput and the phases of a trial; times in seconds."""

_LATENCY = "perf_counter_ns around one call in a timing worker; garbage collection off; idle contenders stopped"
_PHASE = "perf_counter in the worker, once per process; the median over processes"

ROWS = (
    (
        "time_latency",
        "s",
        "geometric mean over processes of the median latency of a process: what a caller waits, on the host's clock, "
        "from the call to finished outputs (host latency)",
        _LATENCY,
        "lower",
    ),
    (
        "time_latency_low",
        "s",
        "lower end of the 95 % interval of time_latency",
        "t over the logarithms of the process medians; with one process its order-statistic interval",
    ),
    ("time_latency_high", "s", "upper end of the 95 % interval of time_latency", "as time_latency_low"),
    ("time_latency_median", "s", "median of all steady samples", _LATENCY, "lower"),
    (
        "time_latency_median_low",
        "s",
        "lower end of the order-statistic interval of that median",
        "binomial ranks, n shrunk by the samples' autocorrelation",
    ),
    (
        "time_latency_median_high",
        "s",
        "upper end of the order-statistic interval of that median",
        "as time_latency_median_low",
    ),
    (
        "time_latency_mean",
        "s",
        "mean of all steady samples (what torch_bench calls time_latency)",
        _LATENCY,
        "lower",
    ),
    ("time_latency_min", "s", "smallest steady sample: best observed, no headline", _LATENCY, "lower"),
    ("time_latency_max", "s", "largest steady sample", _LATENCY, "lower"),
    ("time_latency_std", "s", "standard deviation of the steady samples", _LATENCY, "lower"),
    (
        "time_latency_p90",
        "s",
        "smallest sample x with F(x) ≥ 0.90; withheld below 64 samples",
        _LATENCY,
        "lower",
    ),
    (
        "time_latency_p95",
        "s",
        "smallest sample x with F(x) ≥ 0.95; withheld below 130 samples",
        _LATENCY,
        "lower",
    ),
    (
        "time_latency_p99",
        "s",
        "smallest sample x with F(x) ≥ 0.99; withheld below 662 samples",
        _LATENCY,
        "lower",
    ),
    ("time_latency_eager", "s", "time_latency of the eager reference", _LATENCY, "lower"),
    ("time_latency_reference", "s", "time_latency of the reference, whichever it is", _LATENCY, "lower"),
    ("throughput", "items/s", "batch_size ÷ mean latency, one caller", "steady samples", "higher"),
    (
        "throughput_reference",
        "items/s",
        "batch_size ÷ mean latency of the reference",
        "steady samples",
        "higher",
    ),
    (
        "cpu_utilisation",
        "cores",
        "CPU time ÷ wall time over the epochs",
        "process_time_ns of the worker, all its threads",
    ),
    ("time_import", "s", "importing what the runtime needs", _PHASE, "lower"),
    ("time_load", "s", "building the model and its inputs", "perf_counter in the builder", "lower"),
    (
        "time_export",
        "s",
        "from the loaded model to the artifact; of a compiler that works at the first call, that call, cold",
        "one sample, of the export that made the artifact",
        "lower",
    ),
    ("time_session", "s", "opening the artifact", _PHASE, "lower"),
    ("time_first", "s", "the first call", _PHASE, "lower"),
    ("time_warmup", "s", "mean of the warm-up calls (the first included)", _LATENCY, "lower"),
    ("time_warmup_eager", "s", "mean of the eager reference's warm-up calls", _LATENCY, "lower"),
    ("time_measure", "s", "wall time of measuring, starts of processes included"),
    ("time_total", "s", "wall time of the trial's six steps"),
    (
        "break_even",
        "calls",
        "(time_export + time_session − reference's) ÷ (latency of the reference − latency); inf: never",
        "point estimate",
        "lower",
    ),
)
