"""What cannot be, whatever the machine: the rule that refuses a trial, in words."""

from __future__ import annotations

from benchlib.dtypes import MIXED
from benchlib.passes._legal import illegal
from benchlib.plan import details, estimate
from benchlib.registries import exporters, passes, runtimes
from benchlib.registry import SIZES
from benchlib.trial import Trial
from benchlib.trial_values import RECORDED
from benchlib.way import Way

_WORDS = {"module": "a PyTorch module", "onnx": "an ONNX file"}


def refusal(trial: Trial) -> str | None:
    """The rule that refuses a trial, or None. Asks the general rules first, then every plug-in's own. Of a model or a
    plug-in that is not here nobody knows the rules: it is lacking."""
    source, _ = trial.source()
    exporter, runtime = exporters.get(trial.exporter), runtimes.get(trial.resolved_runtime)
    if not (source.gives and exporter.artifact and runtime.opens):
        return None
    if exporter.takes != source.gives:
        return (
            f"exporter {trial.exporter} starts from {_WORDS.get(exporter.takes, exporter.takes)}, "
            f"and {trial.model_name} is {_WORDS.get(source.gives, source.gives)}: leave exporter out, which then is "
            f"{source.exporter}"
        )
    if exporter.artifact not in runtime.opens:
        return f"runtime {runtime.name} does not open what {trial.exporter} leaves ({exporter.artifact})"
    kind = trial.device.partition(":")[0]
    devices = sorted(set(runtime.providers.values()))
    if kind not in devices:
        return f"runtime {runtime.name} runs on {' and '.join(devices)}, not on {kind}"
    provider = trial.way.provider
    if provider not in runtime.providers:
        return f"runtime {runtime.name} has no provider {provider}"
    if runtime.providers[provider] != kind:
        return f"provider {provider} runs on {runtime.providers[provider]}, the trial asks for {kind}"
    for way in filter(None, [trial.reference_way, trial.way]):
        if rule := _way_rule(trial, way):
            return rule
    reference = trial.reference_way
    if reference and exporters.get(reference.exporter).takes != source.gives:
        return f"the reference {reference.label} cannot start from {_WORDS.get(source.gives, source.gives)}"
    return (
        _dtype_rule(trial)
        or _size_rule(trial)
        or _device_rule(trial)
        or source.refuse(trial)
        or exporter.refuse(trial)
        or runtime.refuse(trial)
        or estimate.refusal(trial, details.known(trial))
    )


def _way_rule(trial: Trial, way: Way) -> str | None:
    """What passes and free shapes ask of the exporter before them and of the runtime behind them."""
    exporter, runtime = exporters.get(way.exporter), runtimes.get(way.runtime)
    if way.dynamic and not exporter.dynamic:
        return f"{way.exporter} cannot leave shapes free (dynamic: true)"
    if way.passes and exporter.artifact != "onnx":
        return f"passes work on ONNX graphs, and {way.exporter} leaves none (opt_patterns: {way.opt_patterns})"
    if way.contrib and not runtime.contrib:
        return f"runtime {way.runtime} lacks the operators of onnxruntime's own that {way.label} leaves"
    if rule := illegal(way):
        return rule
    return next(filter(None, (passes.get(call.name).refuse(trial) for call in way.passes)), None)


def _dtype_rule(trial: Trial) -> str | None:
    """What a dtype asks of the model and of the passes."""
    source, name = trial.source()
    if trial.dtype == MIXED and not (source.own_dtype and source.own_dtype(name, trial) == MIXED):
        return f"dtype {MIXED} is what an object has whose parts have several; {trial.model_name} has one"
    changing = next((call.name for call in trial.way.passes if passes.get(call.name).computes), "")
    if changing and trial.dtype in (MIXED, "float64"):
        return f"pass {changing} starts from float32, and the dtype is {trial.dtype}"
    return None


def _size_rule(trial: Trial) -> str | None:
    """A size that nobody reads would make a second trial of the same figures."""
    source, _ = trial.source()
    if trial.batch_size == RECORDED:
        return f"batch_size: {RECORDED}: {source.name} records none for {trial.model_name}"
    unread = [name for name in SIZES if getattr(trial, name) is not None and name not in source.shapes]
    if unread:
        return (
            f"{source.name} models do not read {unread[0]}; they read {', '.join(source.shapes) or 'batch_size alone'}"
        )
    return None


def _device_rule(trial: Trial) -> str | None:
    """What `io`, `cuda_graphs` and `profile` ask of the device and of every contender's runtime."""
    ways = [*filter(None, [trial.reference_way]), trial.way]
    if trial.io == "device" and trial.device == "cpu":
        return "io: device leaves inputs and outputs in the device's own memory; the CPU has none but the host's"
    for way in ways:
        runtime = runtimes.get(way.runtime)
        if trial.io not in runtime.io:
            return f"runtime {way.runtime} cannot leave inputs and outputs on the device (io: {trial.io})"
        if way.cuda_graphs and trial.device == "cpu":
            return "cuda_graphs needs a CUDA device; the device is cpu"
        if way.cuda_graphs and trial.io != "device":
            return "a CUDA graph reads and writes at fixed addresses on the device: cuda_graphs needs io: device"
        if way.cuda_graphs and not runtime.cuda_graphs:
            return f"runtime {way.runtime} cannot replay CUDA graphs"
    if trial.profile and not runtimes.get(trial.way.runtime).profiles:
        return f"runtime {trial.way.runtime} has no profiler of its own (profile: true)"
    return None
