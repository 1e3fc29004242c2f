"""Which metrics the report defines at its end: always, and where a study has them."""

from __future__ import annotations

DEFINED = (
    "time_latency", "time_latency_low", "half_width", "half_width_published", "half_width_process", "converged",
    "time_lost", "oversubscribed", "host_busy", "waited_for_quiet", "disturbed_by", "epochs_disturbed",
    "rounds_retried", "course", "cpu_utilisation", "throughput", "speedup", "speedup_low", "verdict",
    "smallest_effect", "p_value", "q_value", "flops", "flop_rate", "peak_flop_rate", "peak_share",
    "weights_read_size", "weights_read_rate",
    "memory_bandwidth", "memory_share", "time_import", "time_load", "time_export", "time_session", "time_first",
    "time_to_steady", "break_even", "break_even_low", "tolerance_share", "elements_beyond", "rmse_ratio", "rmse",
    "rmse_eager", "top1_agreement", "top5_overlap", "cosine", "error_q999", "discrepancies_abs", "discrepancies_rel",
    "discrepancies_avg", "discrepancies_dnan", "tolerance_abs", "tolerance_rel", "input_seeds",
)  # fmt: skip
DEFINED_WHERE_KNOWN = (
    "computes", "not_comparable", "ground_truth_is", "inputs_not_moved", "input_sets_left_out", "input_sets_refused",
    "inputs_guessed",
    "outputs_not_compared", "outputs_constant", "outputs_unproven", "answers_compared_roughly", "passes_by_tolerance",
    "exporter_used", "decisions", "decisions_on_shapes", "inputs_ignored", "exported_at", "dynamic_shapes",
    "with_loss",
    "time_passes", "exports", "onnx_n_nodes", "onnx_n_initializer", "onnx_n_casts", "onnx_opset", "onnx_filesize",
    "discrepancies_dynamic_abs", "discrepancies_dynamic_rel", "discrepancies_dynamic_share",
    "discrepancies_dynamic_avg", "discrepancies_dynamic_dnan", "discrepancies_dynamic_n",
)  # fmt: skip
