"""The ways of running a model that there are to choose from, out of the registries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from benchlib.errors import UserError
from benchlib.mistakes import make
from benchlib.registries import exporters, passes, runtimes
from benchlib.registry import Exporter, Parameters
from benchlib.trial import Trial

WHICH = ("exporter", "runtime", "opt_patterns")  # the parameters by which candidates differ
UNUSUAL = "not among the usual ones: --all tries them too"


@dataclass
class Candidates:
    """The ways to try, as parameters of their trials, the usual and quick to build ones first; and a line for each that
    is left out, by its rule."""

    tried: list[Parameters] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def candidates(given: Parameters, every: bool = False) -> Candidates:
    """The ways for a model and the parameters that are given with it.

    What is given of exporter, runtime and passes is not varied. Of the others the usual ones are tried, with `every`
    all of them; ways that compute in another precision than the model are never: they answer another question.

    Raises UserError for parameters that no trial can have.
    """
    trial = make(given)
    source, _ = trial.source()
    found = Candidates()
    for exporter in _asked(given, "exporter", exporters):
        if exporter.takes != source.gives and source.gives:
            continue  # it starts from something else than this model: no way of running it
        for way in _of_exporter(given, exporter):
            label = _label(given, way)
            if "opt_patterns" not in given and _changes_precision(way):
                found.left_out[label] = "in another precision than the model: latencies of another question"
            elif not every and not _is_usual(given, exporter, way):
                found.left_out[label] = UNUSUAL
            else:
                found.tried.append({**given, **way})
    found.tried.sort(key=lambda way: exporters.get(str(way["exporter"])).compiles)  # what is quick to build comes first
    if not found.tried:
        raise UserError(f"no exporter that is asked for starts from {trial.model_name}")
    return found


def _of_exporter(given: Parameters, exporter: Exporter) -> Iterator[Parameters]:
    opening = [r for r in _asked(given, "runtime", runtimes) if exporter.artifact in r.opens]
    for runtime in sorted(opening, key=lambda r: r.name != exporter.runtime):
        for patterns in _patterns(given, exporter):
            yield {
                "exporter": exporter.name,
                **({"runtime": runtime.name} if runtime.name != exporter.runtime or "runtime" in given else {}),
                **({"opt_patterns": patterns} if patterns else {}),
            }


def _patterns(given: Parameters, exporter: Exporter) -> list[str]:
    if "opt_patterns" in given:
        return [str(given["opt_patterns"])]
    fitting = [passes.get(name) for name in passes.names()] if exporter.artifact == "onnx" else []
    return ["", *(p.name for p in fitting if not p.exporters or exporter.name in p.exporters)]


def _asked(given: Parameters, kind: str, registry: object) -> list:
    """What a parameter asks for, or all that a registry has."""
    names = [given[kind]] if given.get(kind) else registry.names()  # type: ignore[attr-defined]
    return [registry.get(name) for name in names]  # type: ignore[attr-defined]


def _changes_precision(way: Parameters) -> bool:
    patterns = str(way.get("opt_patterns", ""))
    return any(passes.get(name).computes for name in filter(None, patterns.split("+")))


def _is_usual(given: Parameters, exporter: Exporter, way: Parameters) -> bool:
    runtime = runtimes.get(str(way.get("runtime") or exporter.runtime))
    chosen = exporter.usual or bool(given.get("exporter")), runtime.usual or bool(given.get("runtime"))
    return all(chosen) and ("opt_patterns" in given or not way.get("opt_patterns"))


def _label(given: Parameters, way: Parameters) -> str:
    return Trial(**{**given, **way}).way.label
