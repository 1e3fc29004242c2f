"""What the values of a trial's parameters have to be beyond their types, and what those that stand for others mean.

What is wrong is a ValueError that says what would be right; pydantic adds the parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from benchlib import user_file
from benchlib.dtypes import OWN
from benchlib.errors import UserError, suggestion
from benchlib.models import _script_arguments, parse, row, script
from benchlib.registries import Registry, exporters, runtimes, sources
from benchlib.registry import Option, Options, Parameters, Source
from benchlib.way import WAY

RECORDED = "recorded"
TOLERANCE = ("rtol", "atol")


def resolved(values: Parameters, default_of: Callable[[str], Any]) -> Parameters:
    """The parameters with all that stand for others in their places: a recorded batch size, what a script's command
    line sets, what a sequence names, the exporter for the model's source, its own dtype."""
    return with_exporter(_of_sequence(_of_script(_of_suite(_of_own_dtype(dict(values)))), default_of))


def with_exporter(values: Parameters) -> Parameters:
    """The parameters with the exporter that the model's source declares, where none is asked for. What is wrong with a
    model is told where it is planned."""
    if values.get("exporter", "") != "":
        return values
    try:
        source = sources.get(parse(str(values.get("model", "")))[0])
    except UserError:
        return {**values, "exporter": Source.exporter}
    return {**values, "exporter": source.exporter}


def own_dtype(model: str) -> str:
    """The dtype that a model has of itself, as far as that is known at once: a script has to be run first (`own`)."""
    try:
        scheme, name = parse(model)
    except UserError:  # told where the model is looked for
        return OWN
    if script.is_script(model):
        return OWN
    of_objects = sources.get(scheme).own_dtype
    return of_objects(name, None) if of_objects else "float32"


def _of_own_dtype(values: Parameters) -> Parameters:
    """The dtype of an object that was stored; float32 of what comes from a suite or a file."""
    if values.get("dtype", OWN) != OWN:
        return values
    return {**values, "dtype": own_dtype(str(values.get("model", "")))}


def _of_suite(values: Parameters) -> Parameters:
    """The batch size that the suite records for the model; where it records none, a rule refuses the trial."""
    if values.get("batch_size") != RECORDED:
        return values
    recorded = row(str(values.get("model", ""))).get("batch_size")
    return {**values, "batch_size": recorded} if recorded else values


def _of_script(values: Parameters) -> Parameters:
    """What `script_args` and `model_args` set of the standard parameters is the trial's own."""
    if not script.is_script(str(values.get("model", ""))):
        return values
    return {**values, **_script_arguments.agreed(values)}


def _of_sequence(values: Parameters, default_of: Callable[[str], Any]) -> Parameters:
    """A sequence names exporter and passes: what is given beside it has to say the same."""
    if not isinstance(path := values.get("sequence"), str):
        return values
    said = user_file.sequence(path)
    for name, value in said.items():
        if values.get(name, default_of(name)) not in (value, default_of(name)):
            raise ValueError(f"sequence: {path} decides {name}: leave {name} out")
    return {**values, **said}


def known_exporter(name: str) -> str:
    return _registered(exporters, "exporter", name)


def known_runtime(name: str) -> str:
    return _registered(runtimes, "runtime", name)


def _registered(registry: Registry, kind: str, name: str) -> str:
    name = registry.resolved(name)
    if name and name not in registry:
        raise ValueError(f"unknown {kind} '{name}'{suggestion(name, registry.names())}")
    return name


def known_provider(name: str) -> str:
    if name and name not in _providers() and full_provider(name) not in _providers():
        raise ValueError(f"unknown provider '{name}'{suggestion(name, _providers())}")
    return name


def full_provider(text: str) -> str:
    """`CUDA` is short for `CUDAExecutionProvider`, `TensorRT` for `TensorrtExecutionProvider`."""
    full = text if text.endswith("ExecutionProvider") or not text else f"{text}ExecutionProvider"
    return next((p for p in _providers() if p.lower() == full.lower()), full)


def _providers() -> list[str]:
    return [p for r in runtimes.names() for p in runtimes.get(r).providers]


def known_reference(value: str | Parameters) -> str | Parameters:
    """A reference is `none`, an exporter, or a way with its exporter."""
    if isinstance(value, str):
        if value != "none" and value not in exporters:
            raise ValueError(f"unknown reference '{value}'{suggestion(value, ['none', *exporters.names()])}")
        return value
    for name in value:
        if name not in WAY:
            raise ValueError(f"unknown parameter '{name}' of a reference{suggestion(name, WAY)}")
    if value.get("exporter") not in exporters:
        near = suggestion(str(value.get("exporter")), exporters.names())
        raise ValueError(f"a reference needs a known exporter{near}")
    return value


def tolerance_with_reason(value: Options | None) -> Options | None:
    """`rtol`, `atol` or both, and the `reason` for them; nothing where the dtype's own are meant."""
    if value is None:
        return value
    for name in value:
        if name not in (*TOLERANCE, "reason"):
            raise ValueError(f"unknown option '{name}'{suggestion(name, (*TOLERANCE, 'reason'))}")
    for name in (n for n in TOLERANCE if n in value):
        number = value[name]
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < math.inf:
            raise ValueError(f"{name}: {number!r} is not a number above 0")
    if not any(name in value for name in TOLERANCE):
        raise ValueError("neither rtol nor atol is given")
    if not isinstance(value.get("reason"), str) or not value["reason"].strip():
        raise ValueError("reason is missing: the report prints why the dtype's own does not do")
    return value


def options_problem(given: Options, options: Mapping[str, Option]) -> str | None:
    """What is wrong with the options of a plug-in, or None."""
    for name, value in given.items():
        if name not in options:
            return f"unknown option '{name}'{suggestion(name, options) or '; it takes none'}"
        problem = options[name].problem(value)
        if problem:
            return f"{name}: {problem}"
    return None
