"""Latencies, throughput and the phases of a trial; times in seconds."""

_LATENCY = "perf_counter_ns around one call in a timing worker; garbage collection off; idle contenders stopped"
_PHASE = "perf_counter in the worker, once per process; the median over processes"
_INTERVAL = (
    "t over the logarithms of the process medians, which knows only of the processes that were seen (where 30 % of all "
    "are 10 % slower it holds their mean in 80 to 90 %); with one process its order-statistic interval"
)
_RANKS = "binomial ranks, n shrunk by the samples' autocorrelation"
_RATE = (
    "from the first start to the last end within each steady block; discarded calls, loop overhead and the reading of "
    "clocks left out"
)
_ONE_EXPORT = "one sample, of the export that made the artifact"
_FIELLER = "Fieller's, over pairs of processes"

ROWS = (
    (
        "time_latency",
        "s",
        "geometric mean over processes of the median latency of a process: what a caller waits, on the host's clock, "
        "from the call to finished outputs (host latency)",
        _LATENCY,
        "lower",
    ),
    ("time_latency_low", "s", "lower end of the 95 % interval of time_latency", _INTERVAL),
    ("time_latency_high", "s", "upper end of the 95 % interval of time_latency", _INTERVAL),
    ("time_latency_median", "s", "median of all steady samples", _LATENCY, "lower"),
    ("time_latency_median_low", "s", "lower end of the order-statistic interval of time_latency_median", _RANKS),
    ("time_latency_median_high", "s", "upper end of the order-statistic interval of time_latency_median", _RANKS),
    (
        "time_latency_mean",
        "s",
        "mean of all steady samples (what torch_bench calls time_latency)",
        _LATENCY,
        "lower",
    ),
    (
        "time_latency_min",
        "s",
        "smallest steady sample: best observed, no headline; withheld where a sample is several calls",
        _LATENCY,
        "lower",
    ),
    ("time_latency_max", "s", "largest steady sample", _LATENCY, "lower"),
    ("time_latency_std", "s", "standard deviation of the steady samples", _LATENCY, "lower"),
    (
        "time_latency_p90",
        "s",
        "smallest sample x with F(x) ≥ 0.90; withheld below 64 independent samples",
        _LATENCY,
        "lower",
    ),
    (
        "time_latency_p95",
        "s",
        "smallest sample x with F(x) ≥ 0.95; withheld below 130 independent samples",
        _LATENCY,
        "lower",
    ),
    (
        "time_latency_p99",
        "s",
        "smallest sample x with F(x) ≥ 0.99; withheld below 662 independent samples",
        _LATENCY,
        "lower",
    ),
    ("time_latency_eager", "s", "time_latency of the eager reference", _LATENCY, "lower"),
    ("time_latency_reference", "s", "time_latency of the reference, whichever it is", _LATENCY, "lower"),
    (
        "throughput",
        "items/s",
        "items of a call × calls ÷ the time in which they were made, one caller",
        _RATE,
        "higher",
    ),
    ("throughput_reference", "items/s", "throughput of the reference", _RATE, "higher"),
    (
        "cpu_utilisation",
        "cores",
        "CPU time ÷ wall time over the blocks",
        "process_time_ns of the worker, all its threads",
    ),
    (
        "time_import",
        "s",
        "importing what the runtime needs; of a forked worker what its warm server took for it, once for all workers",
        _PHASE,
        "lower",
    ),
    ("time_load", "s", "building the model and its inputs", "perf_counter in the builder", "lower"),
    ("time_load_import", "s", "importing what the source of the model needs", "perf_counter in the builder", "lower"),
    (
        "time_export",
        "s",
        "from the loaded model to the artifact; of a compiler that works at the first call, that call, cold",
        _ONE_EXPORT,
        "lower",
    ),
    (
        "time_passes",
        "s",
        "all passes over the exported graph together",
        "perf_counter in the builder, one sample, of the passes that made the artifact",
        "lower",
    ),
    ("time_session", "s", "opening the artifact", _PHASE, "lower"),
    ("time_first", "s", "the first call", _PHASE, "lower"),
    ("time_warmup", "s", "mean of the warm-up calls (the first included)", _LATENCY, "lower"),
    ("time_warmup_eager", "s", "mean of the eager reference's warm-up calls", _LATENCY, "lower"),
    ("time_measure", "s", "wall time of measuring, starts of processes included"),
    ("time_controller_cpu", "s", "CPU time of the controller while it measured; it should be idle", "process_time"),
    ("time_total", "s", "wall time of the trial's six steps"),
    ("time_to_steady", "s", "the warm-up calls of a process together", _PHASE, "lower"),
    ("time_export_reference", "s", "time_export of the reference", _ONE_EXPORT, "lower"),
    ("time_session_reference", "s", "opening the reference", _PHASE, "lower"),
    ("time_first_reference", "s", "the first call of the reference", _PHASE, "lower"),
    ("time_wall", "s", "from the start of the trial to its record, waiting for the host included"),
    (
        "break_even",
        "calls",
        "(time_export + time_session − reference's) ÷ (latency of the reference − latency); inf: never; given where "
        "the verdict is faster or slower",
        "ratio of the means over pairs of processes; the export has one sample, the one that made the artifact",
        "lower",
    ),
    ("break_even_low", "calls", "lower end of the 95 % interval of break_even", _FIELLER),
    ("break_even_high", "calls", "upper end of the 95 % interval of break_even; inf: it may never pay", _FIELLER),
)
