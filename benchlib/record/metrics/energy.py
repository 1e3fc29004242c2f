"""Energy, measured or not at all, and the CPU time of a call."""

ROWS = (
    (
        "energy_per_item",
        "J",
        "(energy under load − power when idle × time) ÷ items; the median of three repeats",
        "at least 10 s of calls each, after at least 10 s of idling; energy_method says whose counter; never estimated",
        "lower",
    ),
    ("energy_per_item_reference", "J", "energy_per_item of the reference", "as energy_per_item", "lower"),
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
        "CPU time of the timed epochs ÷ items, all threads, those that spin included",
        "process_time_ns of the worker",
        "lower",
    ),
    ("cpu_time_per_item_reference", "s", "cpu_time_per_item of the reference", "as cpu_time_per_item", "lower"),
)
