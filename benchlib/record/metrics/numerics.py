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
        "what the worst element would use of its tolerance, were the reference the ground truth",
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
        "max |output − truth| ÷ (atol × max(1, std(truth)) + rtol × |truth|)",
        "what the worst element would use of these two; the values that a model masks with are left out of std; "
        "over all outputs and sets of inputs. It decides only where the study sets a tolerance; else slices do",
        "lower",
    ),
    (
        "elements_beyond",
        "count",
        "elements farther from the ground truth than the tolerance",
        "over all outputs and sets of inputs",
        "lower",
    ),
    (
        "slice_share",
        "ratio",
        "max over the slices of RMS(output − truth) ÷ max(t × RMS deviation of the truth, k × eager's own error)",
        "along every axis each index, each item of each set of inputs, each row of classes; up to 1 is right, and no "
        "element of a slice may be off by ten times its bound; of 8 and 4 bits (1 − correlation) ÷ (1 − bound)",
        "lower",
    ),
    ("worst_slice", "", "the output and the slice that slice_share is of, in words"),
    (
        "passes_by_tolerance",
        "count",
        "outputs with a slice that is right by its tolerance alone, more than 1,000 times farther off than eager",
        "right, but not as right as it could be",
        "lower",
    ),
    (
        "outputs_unproven",
        "ratio",
        "elements of the ground truth that are NaN, infinite or the same for all sets of inputs ÷ all",
        "elements that stay 0, or at one or two values that many share, are none of them; above one half, where no "
        "output moves, nothing is proved",
        "lower",
    ),
    (
        "outputs_constant",
        "",
        "outputs that are the same for all sets of inputs, and prove nothing beside those that move",
    ),
    (
        "outputs_not_compared",
        "",
        "Python's own numbers among the outputs: graphs have them as constants, or not at all",
    ),
    (
        "answers_compared_roughly",
        "count",
        "answers of the timed phase that were held by their largest and mean error alone against others to their set",
        "an engine whose bits never repeat gives many: four to each set, and all that are farther off, are compared in "
        "full",
        "lower",
    ),
    (
        "rmse_ratio",
        "ratio",
        "rmse ÷ rmse_eager: how many times the error that eager itself has",
        "the worst output and set of inputs, each as a whole; slice by slice it decides (slice_share)",
        "lower",
    ),
    (
        "rmse",
        "",
        "√mean (output − truth)²",
        "of the output and set of inputs that rmse_ratio is of",
        "lower",
    ),
    (
        "rmse_eager",
        "",
        "√mean (eager − truth)², eager in the dtype of the trial",
        "the ground truth is eager in float64",
    ),
    ("error_q999", "", "99.9th percentile of |output − truth|", "the worst output and set of inputs", "lower"),
    (
        "cosine",
        "",
        "output · truth ÷ (|output| |truth|)",
        "each output as one vector; the worst output and set of inputs",
        "higher",
    ),
    (
        "top1_agreement",
        "ratio",
        "share of the rows of logits whose first class is the ground truth's",
        "a row counts against it only where the ground truth's margin exceeds the tolerance",
        "higher",
    ),
    (
        "top5_overlap",
        "ratio",
        "share of the ground truth's first five classes that are among the first five",
        "a class counts against it only where the ground truth's margin over the sixth exceeds the tolerance",
        "higher",
    ),
    ("tolerance_abs", "", "absolute tolerance, × max(1, std(truth))", "by dtype, or as the study says"),
    ("tolerance_rel", "", "relative tolerance", "by dtype, or as the study says"),
    (
        "tolerance_spread",
        "ratio",
        "RMS(output − truth) ÷ RMS deviation of the ground truth, at most, in each slice",
        "by dtype; a study that sets a tolerance means the two above, for every element",
    ),
    (
        "tolerance_cosine",
        "ratio",
        "correlation with the ground truth within each item, at least",
        "of what computes in 8 or 4 bits, which is judged by it and by ranked classes; 0: judged by closeness",
    ),
)
