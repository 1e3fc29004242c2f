"""Energy, measured or not at all, and the CPU time of a call."""

_ENERGY = (
    "at least 10 s of calls each, after at least 10 s of idling; energy_method says whose counter; never estimated"
)
_CPU_TIME = "process_time_ns of the worker"

ROWS = (
    (
        "energy_per_item",
        "J",
        "(energy under load − power when idle × time) ÷ items; the median of three repeats",
        _ENERGY,
        "lower",
    ),
    (
        "energy_per_item_reference",
        "J",
        "of the reference: (energy under load − power when idle × time) ÷ items; the median of three repeats",
        _ENERGY,
        "lower",
    ),
    (
        "energy_method",
        "",
        "nvml_total: the counter of the whole GPU; rapl: those of the CPU packages, all tenants; none: not measured",
    ),
    ("energy_idle_subtracted", "", "what the device takes when idle was measured and subtracted"),
    ("energy_not_measured", "", "why energy was asked for and is not there"),
    (
        "cpu_time_per_item",
        "s",
        "CPU time of the timed blocks ÷ items, all threads, those that spin included",
        _CPU_TIME,
        "lower",
    ),
    (
        "cpu_time_per_item_reference",
        "s",
        "of the reference: CPU time of the timed blocks ÷ items, all threads, those that spin included",
        _CPU_TIME,
        "lower",
    ),
)
