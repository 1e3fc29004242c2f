"""A way against its reference."""

ROWS = (
    (
        "speedup",
        "ratio",
        "latency of the reference ÷ latency, paired",
        "per pair of processes the median of the rounds' log ratios; the mean over pairs",
        "higher",
    ),
    ("speedup_low", "ratio", "lower end of the 95 % interval of speedup", "t over pairs of processes"),
    ("speedup_high", "ratio", "upper end of the 95 % interval of speedup", "t over pairs of processes"),
    ("speedup_increase", "ratio", "speedup − 1", "", "higher"),
    (
        "speedup_mean",
        "ratio",
        "mean latency of the reference ÷ mean latency (what torch_bench calls speedup)",
        "steady samples, unpaired",
        "higher",
    ),
    (
        "verdict",
        "",
        "faster, slower, same or inconclusive",
        "the interval of speedup against 1 and the margin; level quick decides no difference under 10 %",
    ),
)
