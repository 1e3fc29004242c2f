"""Where the work ran: proof against silent fallbacks."""

_GRAPH = "asked of the open session (onnxruntime's graph assignment)"
_PROFILE = "the runtime's own profiler, in a process of its own: needs profile: true"
_KERNELS = f"{_PROFILE}; on CUDA each launch of onnxruntime waits for its kernel there"

ROWS = (
    (
        "node_share",
        "ratio",
        "nodes on the provider asked for ÷ all nodes that are not computations on shapes left to the CPU",
        _GRAPH,
        "higher",
    ),
    ("nodes_by_provider", "", "nodes of the graph by execution provider", _GRAPH),
    (
        "node_time_share",
        "ratio",
        "seconds of nodes on the provider asked for ÷ seconds of all nodes, copies between providers and computations "
        "on shapes left to the CPU excepted",
        _KERNELS,
        "higher",
    ),
    ("seconds_by_provider", "", "seconds of one call by provider, for torch by device", _KERNELS),
    ("n_memcpy", "count", "copies between providers that the graph makes in one call", _PROFILE, "lower"),
    ("time_memcpy", "s", "seconds of one call in copies between providers", _KERNELS, "lower"),
)
