"""How much of what the machine can do a way reaches."""

_BEST = "the best ever observed on this host, at this number of threads; kept in the cache"

ROWS = (
    (
        "flops",
        "FLOP",
        "2 × multiply-adds of matrix products, convolutions and attention in one call",
        "torch's FlopCounterMode on one forward of the loaded module",
    ),
    ("flops_reason", "", "why flops is not known"),
    (
        "flop_rate",
        "FLOP/s",
        "flops ÷ time_latency",
        "the module's operations, whatever the way makes of them",
        "higher",
    ),
    (
        "peak_flop_rate",
        "FLOP/s",
        "products of large matrices, by torch, numpy or onnxruntime, in the trial's dtype or float32, the fastest; on "
        "CUDA by torch, with TF32",
        _BEST,
    ),
    ("peak_share", "ratio", "flop_rate ÷ peak_flop_rate", "", "higher"),
    (
        "weights_read_size",
        "bytes",
        "weights that an operator of one call takes whole; tables that are looked up do not count",
        "a dispatch mode during one forward of the loaded module",
    ),
    (
        "weights_read_rate",
        "bytes/s",
        "weights_read_size ÷ time_latency: what memory has to deliver if no cache holds the weights",
        "",
        "higher",
    ),
    ("memory_bandwidth", "bytes/s", "copying (bytes read + written) or reading large arrays, the faster", _BEST),
    ("memory_share", "ratio", "weights_read_rate ÷ memory_bandwidth; above 1 only where a cache holds the weights"),
    ("cache_size", "bytes", "last-level caches of the cores; on CUDA the L2 cache", "read from the system"),
)
