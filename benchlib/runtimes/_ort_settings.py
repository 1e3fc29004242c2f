"""The settings of an onnxruntime session that a trial may choose, each with how it is set.

Complete against `SessionOptions` and onnxruntime_session_options_config_keys.h (1.31) as to what decides speed, memory
or numbers; any other key goes through `session_config`. The trial's own parameters decide threads within a node
(`num_cores`), the level of optimisation (`rtopt`) and profiling.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from benchlib.errors import UserError
from benchlib.registry import Option, Options
from benchlib.runtimes import OpenRequest

# `all` is what onnxruntime takes by default: `extended` and the layouts of memory (ORT_ENABLE_LAYOUT, a level of its
# own between the two since 1.23, which puts convolutions on the CPU into blocks of channels, NCHWc).
LEVELS = {
    "off": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
OURS = {  # entries that another parameter of the trial decides
    "session.intra_op_num_threads": "num_cores",
    "session.graph_optimization_level": "rtopt",
    "session.enable_profiling": "profile",
    "session.record_ep_graph_assignment_info": "the measuring",
}
DENORMALS, GELU = "session.set_denormal_as_zero", "optimization.enable_gelu_approximation"
NO_FALLBACK = "session.disable_cpu_ep_fallback"


@dataclass(frozen=True)
class Setting:
    """What is set, an attribute of SessionOptions or a configuration entry (whose key has a dot), and the option.
    Of an attribute that is an enumeration `member` is onnxruntime's name of the value, with a gap."""

    target: str
    option: Option
    member: str = ""


MODES, ORDERS = ("sequential", "parallel"), ("default", "priority_based", "memory_efficient")
SETTINGS = {
    "execution_mode": Setting(
        "execution_mode",
        Option(str, MODES[0], "nodes one after another, or side by side", MODES),
        "ExecutionMode.ORT_{}",
    ),
    "execution_order": Setting(
        "execution_order", Option(str, ORDERS[0], "order of the graph's nodes", ORDERS), "ExecutionOrder.{}"
    ),
    "inter_op_num_threads": Setting(
        "inter_op_num_threads", Option(int, 1, "threads for nodes side by side, in parallel mode")
    ),
    "enable_mem_pattern": Setting(
        "enable_mem_pattern", Option(bool, True, "plan memory from the shapes of the first call")
    ),
    "enable_mem_reuse": Setting(
        "enable_mem_reuse", Option(bool, True, "let a node use memory that another one is done with")
    ),
    "enable_cpu_mem_arena": Setting("enable_cpu_mem_arena", Option(bool, True, "keep memory between calls")),
    "use_deterministic_compute": Setting(
        "use_deterministic_compute", Option(bool, False, "prefer deterministic kernels")
    ),
    "allow_spinning": Setting(
        "session.intra_op.allow_spinning", Option(bool, True, "idle threads spin for a while before they sleep")
    ),
    "allow_inter_op_spinning": Setting(
        "session.inter_op.allow_spinning", Option(bool, True, "the same for the threads of nodes side by side")
    ),
    "force_spinning_stop": Setting(
        "session.force_spinning_stop", Option(bool, False, "spinning ends when a call returns, not some time later")
    ),
    "thread_affinities": Setting(
        "session.intra_op_thread_affinities",
        Option(str, "", "processors, from 1, of each thread but the caller's: `1;2,3`; empty: onnxruntime's choice"),
    ),
    "set_denormal_as_zero": Setting(
        DENORMALS, Option(bool, False, "numbers too near zero for full precision are zero: changes results")
    ),
    "enable_gelu_approximation": Setting(GELU, Option(bool, False, "Gelu by a cheaper formula: changes results")),
    "disable_prepacking": Setting(
        "session.disable_prepacking", Option(bool, False, "weights stay as the file has them when the session opens")
    ),
    "disable_cpu_ep_fallback": Setting(
        NO_FALLBACK, Option(bool, False, "onnxruntime itself refuses a graph with any node on the CPU, shapes included")
    ),
    "disabled_optimizers": Setting(
        "optimization.disable_specified_optimizers",
        Option(list, [], "rewritings left out, by onnxruntime's names; it ignores a name that it does not know"),
    ),
}
OPTIONS = {name: setting.option for name, setting in SETTINGS.items()} | {
    "free_dimension_overrides": Option(dict, {}, "sizes for free dimensions of the inputs, by name"),
    "session_config": Option(dict, {}, "session configuration entries by their own keys"),
}


def made(request: OpenRequest) -> Any:
    """The SessionOptions of a request. Raises UserError."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = request.threads
    settings.inter_op_num_threads = 1
    settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[request.rtopt])
    if request.profile:
        settings.enable_profiling = True
        settings.profile_file_prefix = str(Path(request.profile) / "onnxruntime")
    settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    for setting, value in _chosen(request.options):
        if "." not in setting.target:
            found = attrgetter(_member(setting, value))(onnxruntime) if setting.member else value
            setattr(settings, setting.target, found)
    for key, value in _entries(request.options).items():
        try:
            settings.add_session_config_entry(key, value)
        except Exception as error:
            raise UserError(f"runtime_args: session_config '{key}': {error}") from error
    for name, size in request.options.get("free_dimension_overrides", {}).items():
        if not isinstance(size, int) or isinstance(size, bool):
            raise UserError(f"runtime_args: free_dimension_overrides '{name}': {size!r} is not a whole number")
        settings.add_free_dimension_override_by_name(name, size)
    return settings


def entry(settings: Any, key: str) -> str:
    """A configuration entry of SessionOptions, read back; empty where none was made."""
    try:
        return settings.get_session_config_entry(key)
    except RuntimeError:
        return ""


def rule_against(options: Options) -> str | None:
    """Why these options of a trial contradict the trial or each other, or None."""
    for key, instead in OURS.items():
        if key in options.get("session_config", {}):
            return f"runtime_args: session_config '{key}' is set by {instead}"
    if options.get("arena_shrinkage") and not options.get("enable_cpu_mem_arena", True):
        return "runtime_args: arena_shrinkage needs the arena that enable_cpu_mem_arena: false takes away"
    return None


def as_code(options: Options) -> list[str]:
    """Lines of Python that give `options`, SessionOptions, the same settings as `made`."""
    lines = []
    for setting, value in _chosen(options):
        if "." not in setting.target:
            written = f"onnxruntime.{_member(setting, value)}" if setting.member else repr(value)
            lines.append(f"options.{setting.target} = {written}")
    lines += [f"options.add_session_config_entry({key!r}, {value!r})" for key, value in _entries(options).items()]
    sizes = options.get("free_dimension_overrides", {})
    return lines + [f"options.add_free_dimension_override_by_name({n!r}, {size!r})" for n, size in sizes.items()]


def _chosen(options: Options) -> list[tuple[Setting, Any]]:
    return [(setting, options[name]) for name, setting in SETTINGS.items() if name in options]


def _member(setting: Setting, value: str) -> str:
    return setting.member.format(value.upper())


def _entries(options: Options) -> dict[str, str]:
    """Configuration entries as texts, each key once: what `session_config` gives by its own key counts."""
    found = {setting.target: _text(value) for setting, value in _chosen(options) if "." in setting.target}
    given = {str(key): _text(value) for key, value in options.get("session_config", {}).items()}
    return {key: text for key, text in found.items() if text} | given


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(map(str, value))
    return str(int(value) if isinstance(value, bool) else value)
