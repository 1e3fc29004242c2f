"""What a call does on a CUDA device. `time_latency` is what the host waits; these are measured after the timed rounds
of each process, in the same sessions, and are kept apart from it. All describe the call as `io` has it."""

_EVENTS = "CUDA events on the stream that the runtime uses; the median of a process, the median over processes"

ROWS = (
    ("io", "", "host: copies inside the timing; device: inputs and outputs stay on the device, for all contenders"),
    ("cuda_graphs", "", "each call replays a captured CUDA graph"),
    (
        "time_device",
        "s",
        "from an event before the call to an event behind it, copies included with io host, and the gaps in which the "
        "device waits for the next launch",
        _EVENTS,
        "lower",
    ),
    (
        "time_back_to_back",
        "s",
        "N calls without waiting between them and one wait, ÷ N: the throughput of an asynchronous caller",
        "perf_counter_ns of the worker; the median over processes",
        "lower",
    ),
    ("time_copy_in", "s", "copying the inputs to the device; 0 with io device", _EVENTS, "lower"),
    ("time_compute", "s", "the call from inputs on the device to outputs on the device", _EVENTS, "lower"),
    ("time_copy_out", "s", "copying the outputs to the host; 0 with io device", _EVENTS, "lower"),
    (
        "time_overhead",
        "s",
        "time_latency − time_copy_in − time_compute − time_copy_out: what the host alone costs",
        "from the published figures; below 0 where parts overlap in the timed call",
        "lower",
    ),
)
