"""A study as it is written: name, title, defaults, matrix, exclude, include, runoff; each value with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from benchlib import yaml_file
from benchlib.errors import UserError, suggestion
from benchlib.mistakes import problems
from benchlib.plan.selections import select
from benchlib.trial import Trial

KEYS = ("name", "title", "defaults", "matrix", "exclude", "include", "runoff")
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
WITHOUT_VALUES = "an axis without values leaves nothing to run"
PLACEHOLDER = {"model": "explicit/mlp"}  # to judge a single value, all others being right


@dataclass(frozen=True)
class Value:
    """A value and where it stands: "params/x.yaml:12", "--exporter", or "exporter" of an argument in Python."""

    value: Any
    place: str


Document = Mapping[str, Any]  # a study as its YAML has it
Setting = dict[str, Value]  # parameter -> value: one point of an axis, one entry, the defaults


@dataclass
class Study:
    """A study with every value plain and placed. An axis is a list of settings; most set one parameter."""

    name: str
    title: str = ""
    defaults: Setting = field(default_factory=dict)
    axes: list[list[Setting]] = field(default_factory=list)
    exclude: list[Setting] = field(default_factory=list)
    include: list[Setting] = field(default_factory=list)
    source: str = ""
    runoff: bool = True  # direct pairs after the matrix


def read(path: str | Path) -> Study:
    """Reads and checks a study. Raises UserError with a complaint for each mistake: file, line, what is right."""
    path = Path(path)
    try:
        document = yaml_file.read(path)
    except FileNotFoundError as error:
        near = suggestion(path.name, [p.name for p in path.parent.glob("*.yaml")] if path.parent.is_dir() else [])
        raise UserError(f"there is no study {path}{near}") from error
    return _Reader(str(path), path.stem).study(document)


def from_options(name: str, options: Mapping[str, list[Any]]) -> Study:
    """A study from command-line options: one value is a default, several are an axis.

    Nobody who asks for a figure asks for a run-off by that: it has none unless it is given one. Raises UserError with
    a complaint for each wrong value, placed at its option.
    """
    return _from_values(name, options, lambda parameter: f"--{parameter.replace('_', '-')}")


def from_arguments(name: str, arguments: Mapping[str, list[Any]]) -> Study:
    """A study from the arguments of a call in Python, as `from_options` makes one; complaints are placed at the
    argument's name."""
    return _from_values(name, arguments, lambda parameter: parameter)


def complaint(place: str, message: str) -> str:
    """`place: message`; the place is left out where the message begins with it ("batch_size: 0 is …")."""
    return message if message.startswith((f"{place}:", f"{place} ")) else f"{place}: {message}"


def _from_values(name: str, given: Mapping[str, list[Any]], place_of: Callable[[str], str]) -> Study:
    study, wrong = Study(name=name, title=name, source="", runoff=False), []
    for parameter, values in given.items():
        place = place_of(parameter)
        if not values:
            wrong.append(complaint(place, f"{parameter}: {WITHOUT_VALUES}"))
        wrong += [complaint(place, message) for value in values for message in _value_problems(parameter, value)]
        settings = [{parameter: Value(value, place)} for value in values]
        if len(settings) == 1:
            study.defaults |= settings[0]
        else:
            study.axes.append(settings)
    if wrong:
        wrong += [complaint(model.place, text) for model in _models(study) for text in _name_problems(model.value)]
        raise UserError(*dict.fromkeys(wrong))
    return study


def build_only(study: Study) -> None:
    """Makes every trial of a study stop when its artifact is made. Raises UserError where the study says otherwise."""
    for setting in (study.defaults, *(point for axis in study.axes for point in axis), *study.include):
        if "until" in setting and setting["until"].value != "export":
            raise UserError(f"{setting['until'].place}: until: {setting['until'].value} contradicts --build-only")
    study.defaults["until"] = Value("export", "--build-only")
    study.runoff = False


class _Reader:
    """Walks a parsed document and gathers all mistakes before it complains."""

    def __init__(self, file: str, stem: str):
        self.file, self.stem = file, stem
        self.wrong: list[tuple[int, str]] = []

    def study(self, document: Any) -> Study:
        if not isinstance(document, Mapping):
            raise UserError(f"{self.file}:1: a study is a mapping with {', '.join(KEYS)}")
        for key in document:
            if key not in KEYS:
                self._complain(document, key, f"unknown key '{key}'{suggestion(str(key), KEYS)}")
        study = Study(name=self._name(document), title=str(document.get("title", "")), source=self.file)
        study.title = study.title or study.name
        if document.get("defaults") is not None:
            study.defaults = self._setting(document["defaults"], document, "defaults")
        study.axes = self._axes(document)
        for key in ("exclude", "include"):
            entries = document.get(key)
            if entries is None:
                continue
            if not isinstance(entries, list):
                self._complain(document, key, f"{key} is a list of mappings, not {_kind(entries)}")
                continue
            for i, entry in enumerate(entries):
                if entry == {} and (key == "exclude" or "model" not in study.defaults):
                    self._complain(entries, i, f"{key}: an empty entry says nothing")
            setattr(study, key, [self._setting(e, entries, i) for i, e in enumerate(entries)])
        study.runoff = document.get("runoff", True)
        if not isinstance(study.runoff, bool):
            self._complain(document, "runoff", f"runoff: true or false is wanted, not {_kind(study.runoff)}")
        if not study.axes and not study.include and "model" not in study.defaults:
            self.wrong.append((1, "nothing to run: neither a matrix nor include names a model"))
        if self.wrong:
            told = sorted([*self.wrong, *self._unknown_models(study)])
            raise UserError(*(f"{self.file}:{line}: {text}" for line, text in dict.fromkeys(told)))
        return study

    def _unknown_models(self, study: Study) -> Iterator[tuple[int, str]]:
        """Of each model that there is not its line and why, so that a study which is wrong elsewhere tells it too."""
        for model in _models(study):
            for message in _name_problems(model.value):
                yield int(model.place.rpartition(":")[2]), message

    def _name(self, document: Document) -> str:
        name = document.get("name", self.stem)
        if not isinstance(name, str) or not NAME.match(name):
            self._complain(document, "name", f"name: {name!r} is no folder name: letters, digits, . _ - are allowed")
        return str(name)

    def _axes(self, document: Document) -> list[list[Setting]]:
        matrix = document.get("matrix")
        if matrix is None:
            return []
        if not isinstance(matrix, Mapping):
            self._complain(document, "matrix", f"matrix maps each parameter to a list of values, it is {_kind(matrix)}")
            return []
        axes = []
        for parameter, values in matrix.items():
            if parameter not in Trial.model_fields:
                self._complain(
                    matrix,
                    parameter,
                    f"unknown parameter '{parameter}'{suggestion(str(parameter), Trial.model_fields)}",
                )
                continue
            if not isinstance(values, list):
                self._complain(matrix, parameter, f"{parameter}: an axis is a list of values, not {_kind(values)}")
                continue
            if not values:
                self._complain(matrix, parameter, f"{parameter}: {WITHOUT_VALUES}")
                continue
            axes.append([self._point(parameter, values, i) for i in range(len(values))])
        return axes

    def _point(self, parameter: str, values: list, index: int) -> Setting:
        """One value of an axis. A mapping sets several parameters; where the parameter's own values are mappings
        (`reference: [{exporter: script}]`) it is such a value, unless it names the parameter itself."""
        value = values[index]
        names_parameters = isinstance(value, Mapping) and value and set(value) <= set(Trial.model_fields)
        if names_parameters and (parameter in value or not _takes_mappings(parameter)):
            return self._setting(value, values, index)
        self._check(parameter, value, values, index)
        return {parameter: Value(plain(value), self._place(values, index))}

    def _setting(self, mapping: Any, parent: Any, key: Any) -> Setting:
        if not isinstance(mapping, Mapping):
            self._complain(parent, key, f"a mapping of parameters to values is wanted here, not {_kind(mapping)}")
            return {}
        for parameter, value in mapping.items():
            self._check(parameter, value, mapping, parameter)
        return {p: Value(plain(v), self._place(mapping, p)) for p, v in mapping.items()}

    def _check(self, parameter: Any, value: Any, parent: Any, key: Any) -> None:
        for message in _value_problems(str(parameter), plain(value)):
            self._complain(parent, key, message)

    def _complain(self, parent: Any, key: Any, message: str) -> None:
        self.wrong.append((_line(parent, key), message))

    def _place(self, parent: Any, key: Any) -> str:
        return f"{self.file}:{_line(parent, key)}"


def _value_problems(parameter: str, value: Any) -> list[str]:
    """What is wrong with one parameter by itself; options of plug-ins are judged later, with their plug-in."""
    if parameter.endswith("_args") and isinstance(value, dict):
        return []
    return [message for name, message in problems({**PLACEHOLDER, parameter: value}) if name == parameter]


def _models(study: Study) -> list[Value]:
    settings = (study.defaults, *(point for axis in study.axes for point in axis), *study.include)
    return [setting["model"] for setting in settings if "model" in setting]


def _name_problems(model: Any) -> list[str]:
    """Why there is no model of a name; nothing where there is one, or where the value is no name at all."""
    if not isinstance(model, str):
        return []
    try:
        select(model)
    except UserError as error:
        return list(error.complaints)
    return []


def _takes_mappings(parameter: str) -> bool:
    """Whether a mapping can be a value of a parameter."""
    kind = Trial.model_fields[parameter].annotation
    members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return any(get_origin(member) is dict for member in members)


def _line(parent: Any, key: Any) -> int:
    position = parent.lc.data.get(key) if parent.lc.data else None
    return (position[0] if position else parent.lc.line) + 1


def plain(value: Any) -> Any:
    """ruamel's own containers and scalars as plain Python."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else str(value)


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value)
