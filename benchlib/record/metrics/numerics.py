"""How far outputs are from those that count as right."""

ROWS = (
    (
        "discrepancies_abs",
        "",
        "max |output − reference|",
        "over all outputs of the session that is timed",
        "lower",
    ),
    (
        "discrepancies_rel",
        "",
        "max |output − reference| ÷ (|reference| + floor)",
        "floor = eps × max |reference| of the dtype",
        "lower",
    ),
    (
        "discrepancies_share",
        "ratio",
        "max |output − reference| ÷ (atol × max(1, std(reference)) + rtol × |reference|)",
        "what the worst element uses of its tolerance; above 1 the trial is inaccurate",
        "lower",
    ),
    ("discrepancies_avg", "", "mean |output − reference|", "", "lower"),
    ("discrepancies_dnan", "count", "elements that are NaN in one and not in the other", "", "lower"),
    ("discrepancies_n", "count", "elements beyond the tolerance", "", "lower"),
    ("tolerance_abs", "", "absolute tolerance, × max(1, std(reference))", "by dtype"),
    ("tolerance_rel", "", "relative tolerance", "by dtype"),
)
