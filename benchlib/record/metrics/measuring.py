"""How much was measured, and how well it went."""

ROWS = (
    ("warmup", "count", "warm-up calls of the way, over all processes"),
    ("repeat", "count", "steady samples of the way, over all processes"),
    ("rounds", "count", "rounds per pair of processes"),
    ("processes", "count", "processes per contender"),
    ("calls_per_epoch", "count", "calls in one block"),
    (
        "calls_per_sample",
        "count",
        "calls timed together; 1 unless a call takes less than 100 µs; tails are withheld then",
    ),
    (
        "overhead_share",
        "ratio",
        "the loop's own time ÷ the time of a block of calls; subtracted from it",
        "an empty block",
    ),
    ("overhead_dominated", "", "overhead_share is above 5 %"),
    ("worker_start", "", "forked from a warm server, or fresh"),
    ("warmup_converged", "", "the warm-up ended because the latency had settled"),
    (
        "converged",
        "",
        "half_width_published and half_width_process reached their targets",
        "until November 2026: every process was measured until its median was known within ± half_width_target",
    ),
    (
        "half_width_published",
        "ratio",
        "half the 95 % interval over pairs of processes of what is published: of speedup, else of time_latency",
        "on the logarithm; without reproducibility",
        "lower",
    ),
    ("half_width_published_target", "ratio", "what half_width_published should be at this level"),
    (
        "half_width_process",
        "ratio",
        "half the 95 % interval of a process's median ÷ the median: in half of the processes it is no wider",
        "order statistics, widened by the samples' autocorrelation",
        "lower",
    ),
    (
        "half_width",
        "ratio",
        "half the 95 % interval of a process's median ÷ the median, of the process where it is widest",
        "order statistics, widened by the samples' autocorrelation",
        "lower",
    ),
    (
        "half_width_target",
        "ratio",
        "what half_width_process should be at this level",
        "until November 2026: what half_width should be",
    ),
    (
        "time_lost",
        "ratio",
        "(run delay of the way's threads + steal + throttling) ÷ (requested threads × wall time), as far as others can "
        "have caused it; the median over its blocks",
        "nanosecond counters; at most what others took of the cores, the host of a virtual machine and a quota in the "
        "same pair of processes",
        "lower",
    ),
    (
        "time_lost_reference",
        "ratio",
        "the part of the time of the reference's threads that others took, the median over its blocks",
        "nanosecond counters, bounded by what others, the host of a virtual machine and a quota took meanwhile",
        "lower",
    ),
    (
        "oversubscribed",
        "ratio",
        "the part of the way's time in which its threads waited and nobody else can have caused it",
        "what exceeds what others, the host of a virtual machine and a quota took meanwhile; costs no verdict",
        "lower",
    ),
    (
        "oversubscribed_reference",
        "ratio",
        "the part of the reference's time in which its threads waited and nobody else can have caused it",
        "what exceeds what others, the host of a virtual machine and a quota took meanwhile; costs no verdict",
        "lower",
    ),
    (
        "host_busy",
        "ratio",
        "(busy time of the allowed cores and their hyperthread siblings − CPU time of all our processes) ÷ (allowed "
        "cores × wall time), the mean over pairs of processes",
        "/proc/stat; ours are kernel, driver, workers and warm servers",
        "lower",
    ),
    ("host_not_measured", "", "why host_busy is not measured"),
    (
        "harness_busy",
        "ratio",
        "CPU time of kernel, driver and warm servers ÷ (allowed cores × wall time), the mean over pairs of processes",
        "/proc/PID/stat and rusage, while contenders are timed",
        "lower",
    ),
    ("waited_for_quiet", "s", "how long the trial waited for a quiet host, at most wait_for_quiet", "", "lower"),
    ("replicates_quiet", "count", "pairs of processes before which others took at most 5 % of the cores"),
    ("replicates_busy", "count", "pairs of processes before which others took more, whatever was waited"),
    (
        "reference_load_moved",
        "ratio",
        "the largest share by which the reference load differs from its median within the trial",
        "the quicker process at the start and at the end of each pair",
        "lower",
    ),
    (
        "disturbed_by",
        "",
        "what makes the verdict worthless: time_lost over 5 %, wide (three times the target, with over 2 % lost), "
        "reference_load moved by over 100 % where nothing counts what others take, gpu_busy, gpu_slowed, "
        "reference_moved; empty: nothing",
    ),
    ("rounds_retried", "count", "rounds that repeat a disturbed one, by all contenders; both count"),
    ("epochs", "count", "steady blocks of all contenders"),
    ("epochs_disturbed", "count", "steady blocks that carry a flag of disturbance; none is left out", "", "lower"),
    (
        "disturbances",
        "",
        "how many steady blocks carry each flag",
        "the worker's counters: steal, pressure, run delay, switches, throttling, page faults; canaries beside it",
    ),
    (
        "course",
        "",
        "in how many of the processes with 40 samples or more the latency was not_steady, slowing_down, bimodal or "
        "autocorrelated, and how many had too few to tell; empty: all were steady",
        "change points by PELT, two modes by Otsu's threshold, autocorrelation of ranks above 4 samples",
    ),
    (
        "processes_differ",
        "",
        "the medians of the processes differ by over 5 % and by more than what happened within them explains; empty: "
        "too few processes to tell",
        "Cochran's Q of the process medians, each with its own interval, p below 0.001",
    ),
    ("process_spread", "ratio", "median of the slowest process ÷ median of the fastest − 1", "", "lower"),
    (
        "samples_independent",
        "count",
        "how many independent samples tell as much as all steady samples of the way: they decide which percentiles "
        "are given",
        "n ÷ τ, the autocorrelation time of the ranks, one process after another",
    ),
    (
        "samples_far",
        "count",
        "samples more than three interquartile ranges above the upper quartile; kept; not counted below 20 samples",
    ),
    ("samples_far_share", "ratio", "time of samples_far ÷ time of all steady samples"),
    ("collections", "count", "collections of garbage inside the timed region (the parameter gc allows them)"),
    ("collections_held", "count", "collections of the youngest objects that were held back", "allocations ÷ threshold"),
    ("compile_cache", "", "per process: cold where the compiler worked, warm where it found its work done"),
    ("seed_order", "", "seed of the order of the blocks"),
)
