"""How much was measured, and how well it went."""

ROWS = (
    ("warmup", "count", "warm-up calls of the way, over all processes"),
    ("repeat", "count", "steady samples of the way, over all processes"),
    ("rounds", "count", "rounds per pair of processes"),
    ("processes", "count", "processes per contender"),
    ("calls_per_epoch", "count", "calls in one epoch"),
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
        "every process of every contender was measured until its median was known within ± half_width_target",
        "looked at after 20 samples and then at counts growing by half; twice in a row",
    ),
    (
        "half_width",
        "ratio",
        "half the 95 % interval of a process's median ÷ the median, of the process where it is widest",
        "order statistics, widened by the samples' autocorrelation",
        "lower",
    ),
    ("half_width_target", "ratio", "what half_width should be at this level"),
    ("rounds_retried", "count", "rounds that repeat a disturbed one, by all contenders; both count"),
    ("epochs", "count", "steady epochs of all contenders"),
    ("epochs_disturbed", "count", "steady epochs that carry a flag of disturbance; none is left out", "", "lower"),
    (
        "disturbances",
        "",
        "how many steady epochs carry each flag",
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
    ("seed_order", "", "seed of the order of the epochs"),
)
