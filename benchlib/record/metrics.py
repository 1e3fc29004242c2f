"""Every metric, declared once: its unit, formula, method and which direction is better.

The record, the tables, the report's hover texts and the README's glossary all read this declaration.
Times are in seconds, `*_size` of files and memory in bytes, `params_size` is a count. Names follow
torch_bench's where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    name: str
    group: str  # identity, machine, time, ratio, numerics, onnx, measuring
    unit: str  # "s", "bytes", "items/s", "ratio", "count", "" (a text or a flag)
    formula: str
    method: str = ""
    better: str = ""  # "lower", "higher" or "": neither


def _group(group: str, *rows: tuple) -> list[Metric]:
    return [Metric(row[0], group, *row[1:]) for row in rows]


_LATENCY = "perf_counter_ns around one call in a timing worker; garbage collection off; idle contenders stopped"
_PHASE = "perf_counter in the worker, once per process; the median over processes"
_FOUND = "read from the system"

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in [
        *_group(
            "identity",
            ("_index", "", "model name - way"),
            ("model_name", "", "the model, as the row is called"),
            ("suite", "", "the source of the model"),
            ("model_class", "", "the class of the module"),
            ("model_task", "", "what the model is for, where its source says"),
            ("model_weights", "", "real or random", "as the source of the model says"),
            ("exporter", "", "the exporter that was used"),
            ("opt_patterns", "", "the passes that were applied, in order"),
            ("reference_way", "", "the way that speedup compares with"),
            ("judged_by", "", "the way whose outputs count as right"),
            ("date_start", "", "day on which the trial started"),
            ("time_start", "", "time of day at which the trial started, UTC"),
            ("input_size", "elements", "number of elements of all inputs"),
            ("output_size", "elements", "number of elements of all outputs"),
            ("input_shapes", "", "name, dtype and shape of each input"),
            ("input_hash", "", "hash of the input bytes; equal for all contenders", "sha256, read back by each worker"),
            (
                "weights_hash",
                "",
                "hash of the weights; equal for all contenders that hold them",
                "sha256 over a fixed sample of each tensor",
            ),
            ("params_size", "count", "number of parameters"),
            ("params_dtype", "", "dtype of the parameters"),
            ("weights_size", "bytes", "Σ parameters × item size"),
            ("flag_fake_tensor", "", "exported with fake tensors"),
            ("flag_no_grad", "", "run without gradients"),
            ("flag_training", "", "the module is in training mode"),
        ),
        *_group(
            "machine",
            ("device", "", "the device asked for"),
            ("device_name", "", "the device that did the work: the CPU's name in a CPU trial", _FOUND),
            ("providers", "", "execution providers of the session", "asked of the open session"),
            ("num_cores", "count", "threads of the contenders"),
            ("cpu", "count", "cores this process may use", "affinity and cgroup quota"),
            ("cpu_logical", "count", "logical cores of the machine", _FOUND),
            ("cpu_ram_size", "bytes", "memory of the machine", _FOUND),
            ("machine", "", "machine type", "platform.machine()"),
            ("architecture", "", "bits and linkage", "platform.architecture()"),
            ("processor", "", "processor type", "platform.processor(), else the machine type"),
            ("processor_name", "", "the CPU's own name", "/proc/cpuinfo"),
            ("system", "", "operating system", "platform.system()"),
            ("kernel", "", "kernel release", "platform.release()"),
            ("executable", "", "the Python interpreter", "sys.executable of the workers"),
            ("has_cuda", "", "a CUDA device is usable", "the driver's library, asked without torch"),
            ("num_gpus", "count", "CUDA devices", "NVML"),
            ("gpu", "", "name of the first GPU", "NVML"),
            ("gpu_ram_size", "bytes", "memory of the first GPU", "NVML"),
            ("gpu_power_watts", "W", "power limit of the first GPU", "NVML"),
            ("gpu_performance_state", "", "performance state of the first GPU", "NVML"),
            ("capability", "", "compute capability of the CUDA device", "NVML"),
            ("version", "", "version of Python"),
            ("version_torch", "", "version of torch", "package metadata"),
            ("version_onnx", "", "version of onnx", "package metadata"),
            ("version_onnxruntime", "", "version of onnxruntime", "package metadata"),
            ("version_onnxscript", "", "version of onnxscript", "package metadata"),
            ("version_transformers", "", "version of transformers", "package metadata"),
            ("version_timm", "", "version of timm", "package metadata"),
            ("version_benchlib", "", "version of benchlib"),
        ),
        *_group(
            "time",
            (
                "time_latency",
                "s",
                "geometric mean over processes of the median latency of a process",
                _LATENCY,
                "lower",
            ),
            (
                "time_latency_low",
                "s",
                "lower end of the 95 % interval of time_latency",
                "t over the logarithms of the process medians; with one process its order-statistic interval",
            ),
            ("time_latency_high", "s", "upper end of the 95 % interval of time_latency", "as time_latency_low"),
            ("time_latency_median", "s", "median of all steady samples", _LATENCY, "lower"),
            (
                "time_latency_median_low",
                "s",
                "lower end of the order-statistic interval of that median",
                "binomial ranks, n shrunk by the samples' autocorrelation",
            ),
            (
                "time_latency_median_high",
                "s",
                "upper end of the order-statistic interval of that median",
                "as time_latency_median_low",
            ),
            (
                "time_latency_mean",
                "s",
                "mean of all steady samples (what torch_bench calls time_latency)",
                _LATENCY,
                "lower",
            ),
            ("time_latency_min", "s", "smallest steady sample: best observed, no headline", _LATENCY, "lower"),
            ("time_latency_max", "s", "largest steady sample", _LATENCY, "lower"),
            ("time_latency_std", "s", "standard deviation of the steady samples", _LATENCY, "lower"),
            (
                "time_latency_p90",
                "s",
                "smallest sample x with F(x) ≥ 0.90; withheld below 64 samples",
                _LATENCY,
                "lower",
            ),
            (
                "time_latency_p95",
                "s",
                "smallest sample x with F(x) ≥ 0.95; withheld below 130 samples",
                _LATENCY,
                "lower",
            ),
            (
                "time_latency_p99",
                "s",
                "smallest sample x with F(x) ≥ 0.99; withheld below 662 samples",
                _LATENCY,
                "lower",
            ),
            ("time_latency_eager", "s", "time_latency of the eager reference", _LATENCY, "lower"),
            ("time_latency_reference", "s", "time_latency of the reference, whichever it is", _LATENCY, "lower"),
            ("throughput", "items/s", "batch_size ÷ mean latency, one caller", "steady samples", "higher"),
            (
                "throughput_reference",
                "items/s",
                "batch_size ÷ mean latency of the reference",
                "steady samples",
                "higher",
            ),
            (
                "cpu_utilisation",
                "cores",
                "CPU time ÷ wall time over the epochs",
                "process_time_ns of the worker, all its threads",
            ),
            ("time_import", "s", "importing what the runtime needs", _PHASE, "lower"),
            ("time_load", "s", "building the model and its inputs", "perf_counter in the builder", "lower"),
            (
                "time_export",
                "s",
                "from the loaded model to the artifact; of a compiler that works at the first call, that call, cold",
                "one sample, of the export that made the artifact",
                "lower",
            ),
            ("time_session", "s", "opening the artifact", _PHASE, "lower"),
            ("time_first", "s", "the first call", _PHASE, "lower"),
            ("time_warmup", "s", "mean of the warm-up calls (the first included)", _LATENCY, "lower"),
            ("time_warmup_eager", "s", "mean of the eager reference's warm-up calls", _LATENCY, "lower"),
            ("time_measure", "s", "wall time of measuring, starts of processes included"),
            ("time_total", "s", "wall time of the trial's six steps"),
            (
                "break_even",
                "calls",
                "(time_export + time_session − reference's) ÷ (latency of the reference − latency); inf: never",
                "point estimate",
                "lower",
            ),
        ),
        *_group(
            "ratio",
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
        ),
        *_group(
            "numerics",
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
        ),
        *_group(
            "onnx",
            ("filename", "", "the artifact"),
            ("artifact", "", "the artifact's address in the cache"),
            ("artifact_cached", "", "the artifact was in the cache; time_export is that of the export which made it"),
            ("artifact_hash", "", "sha256 of the artifact's files"),
            ("onnx_model", "", "the artifact is an ONNX file"),
            ("onnx_filesize", "bytes", "size of the ONNX file and its external data", "", "lower"),
            ("onnx_n_inputs", "count", "inputs of the graph"),
            ("onnx_n_outputs", "count", "outputs of the graph"),
            ("onnx_input_names", "", "names of the graph's inputs, joined by |"),
            ("onnx_output_names", "", "names of the graph's outputs, joined by |"),
            ("onnx_n_nodes", "count", "nodes of the graph, subgraphs included"),
            ("onnx_n_initializer", "count", "initializers of the graph"),
            ("onnx_opset", "", "version of the default operator set"),
            ("onnx_optimized", "", "the exporter or a pass optimised the graph"),
        ),
        *_group(
            "measuring",
            ("warmup", "count", "warm-up calls of the way, over all processes"),
            ("repeat", "count", "steady samples of the way, over all processes"),
            ("rounds", "count", "rounds per pair of processes"),
            ("processes", "count", "processes per contender"),
            ("calls_per_epoch", "count", "calls in one epoch"),
            ("worker_start", "", "forked from a warm server, or fresh"),
            ("warmup_converged", "", "the warm-up ended because the latency had settled"),
            ("compile_cache", "", "cold or warm: what the first process of a compiling exporter found"),
            ("seed_order", "", "seed of the order of the epochs"),
        ),
    ]
}
