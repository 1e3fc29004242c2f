"""How much was measured, and how it went."""

ROWS = (
    ("warmup", "count", "warm-up calls of the way, over all processes"),
    ("repeat", "count", "steady samples of the way, over all processes"),
    ("rounds", "count", "rounds per pair of processes"),
    ("processes", "count", "processes per contender"),
    ("calls_per_epoch", "count", "calls in one epoch"),
    ("worker_start", "", "forked from a warm server, or fresh"),
    ("warmup_converged", "", "the warm-up ended because the latency had settled"),
    ("compile_cache", "", "cold or warm: what the first process of a compiling exporter found"),
    ("seed_order", "", "seed of the order of the epochs"),
)
