"""A way against its reference."""

_INTERVAL = (
    "t over pairs of processes and reproducibility, in quadrature on the logarithm; until November 2026 the first alone"
)

ROWS = (
    (
        "speedup",
        "ratio",
        "latency of the reference ÷ latency, paired",
        "per pair of processes the median of the rounds' log ratios; the mean over pairs",
        "higher",
    ),
    ("speedup_low", "ratio", "lower end of the 95 % interval of speedup", _INTERVAL),
    ("speedup_high", "ratio", "upper end of the 95 % interval of speedup", _INTERVAL),
    (
        "reproducibility",
        "ratio",
        "half the 95 % interval by which the speedup moves on one host from trial to trial; part of speedup_low and "
        "speedup_high",
        "on the logarithm: 1 − 1/ratio, what one way does and the other does not, times 12 % and 70 % of host_busy in "
        "quadrature; set from `python -m tests.bench busy_host`",
        "lower",
    ),
    (
        "not_comparable",
        "",
        "in what the contenders' precision differs; empty: in nothing. Where it does, no speedup is published",
        "each session is asked what it computes in, and how products and convolutions are computed",
    ),
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
        "faster, slower, same, inconclusive, or disturbed: the host was busy, and the interval decides nothing",
        "the interval of speedup against 1 and the margin; level quick decides no difference under 10 %, and none "
        "decides what is under verdict_floor",
    ),
    ("verdict_withheld", "", "why there is no verdict: the figure is suspect, by the checks that it failed"),
    (
        "smallest_effect",
        "ratio",
        "|speedup − 1| that is found in at least four of five trials where it is the truth, by the noise of this host; "
        "null: the host is not calibrated",
        "verdict_floor, or the margin of the level where that is wider, and half of verdict_floor besides, on the "
        "logarithm: what the t interval of 3 to 6 pairs finds in 83 % of trials and more",
        "lower",
    ),
    (
        "verdict_floor",
        "ratio",
        "|speedup − 1| below which no verdict claims a difference; null: the host is not calibrated",
        "half the 95 % interval over as many pairs as the level has, from the A/A calibration; a difference that is "
        "just as large is found in two of five trials",
        "lower",
    ),
    ("calibration", "", "the calibration that smallest_effect is of: its day and number of pairs"),
    ("p_value", "ratio", "how often equal ways would differ as much", "two-sided t over pairs that log speedup = 0"),
    (
        "q_value",
        "ratio",
        "smallest false discovery rate at which the difference stands",
        "Benjamini–Hochberg over all compared trials of the study, controls excepted; known when collated",
    ),
)
