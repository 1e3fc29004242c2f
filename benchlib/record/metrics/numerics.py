"""How far outputs are from those that count as right.

Each `discrepancies_*` stands beside a `discrepancies_dynamic_*`: the same figure at shapes that an export with free
shapes had not seen, so that a graph which is right only where it was made is found out.
"""

_DISCREPANCIES = (
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
        "what the worst element would use of its tolerance, were the reference the judge",
        "lower",
    ),
    ("discrepancies_avg", "", "mean |output − reference|", "", "lower"),
    ("discrepancies_dnan", "count", "elements that are NaN in one and not in the other", "", "lower"),
    ("discrepancies_n", "count", "elements beyond the tolerance", "", "lower"),
)
_DYNAMIC = tuple(
    (
        name.replace("discrepancies_", "discrepancies_dynamic_"),
        unit,
        f"{formula}, at the shapes of dynamic_shapes",
        "over all outputs and these shapes, none of which the export had seen",
        better,
    )
    for name, unit, formula, _, better in _DISCREPANCIES
)

ROWS = (
    *_DISCREPANCIES,
    *_DYNAMIC,
    (
        "tolerance_share",
        "ratio",
        "max |output − judge| ÷ (atol × max(1, std(judge)) + rtol × |judge|)",
        "what the worst element uses of its tolerance; over all outputs and sets of inputs",
        "lower",
    ),
    (
        "elements_beyond",
        "count",
        "elements farther from the judge than the tolerance",
        "over all outputs and sets of inputs",
        "lower",
    ),
    (
        "rmse_ratio",
        "ratio",
        "rmse ÷ rmse_eager: how many times the error that eager itself has",
        "the worst output and set of inputs; beyond the tolerance, a trial is right up to 2 (float16, bfloat16: 3)",
        "lower",
    ),
    (
        "rmse",
        "",
        "√mean (output − judge)²",
        "of the output and set of inputs that rmse_ratio is of",
        "lower",
    ),
    ("rmse_eager", "", "√mean (eager − judge)², eager in the dtype of the trial", "the judge is eager in float64"),
    ("error_q999", "", "99.9th percentile of |output − judge|", "the worst output and set of inputs", "lower"),
    (
        "cosine",
        "",
        "output · judge ÷ (|output| |judge|)",
        "each output as one vector; the worst output and set of inputs",
        "higher",
    ),
    (
        "top1_agreement",
        "ratio",
        "share of the rows of logits whose first class is the judge's",
        "a row counts against it only where the judge's margin exceeds the tolerance",
        "higher",
    ),
    (
        "top5_overlap",
        "ratio",
        "share of the judge's first five classes that are among the first five",
        "a class counts against it only where the judge's margin over the sixth exceeds the tolerance",
        "higher",
    ),
    ("tolerance_abs", "", "absolute tolerance, × max(1, std(judge))", "by dtype, or as the study says"),
    ("tolerance_rel", "", "relative tolerance", "by dtype, or as the study says"),
    (
        "tolerance_cosine",
        "ratio",
        "cosine similarity with the judge, at least",
        "of what computes in 8 or 4 bits, which is judged by it and by ranked classes; 0: judged by closeness",
    ),
)
