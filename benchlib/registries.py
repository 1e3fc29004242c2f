"""The four registries, which find plug-ins: sources of models, exporters, passes and runtimes.

What a plug-in is stands in `benchlib.registry`. Standard library alone: workers read this in whatever environment they
run.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from benchlib import user_file
from benchlib.errors import Unavailable, UnknownName, UserError, missing_package
from benchlib.registry import Exporter, Pass, Runtime, Source

P = TypeVar("P", Source, Exporter, Pass, Runtime)


class Registry(Generic[P]):
    """The plug-ins of one kind, by name; no package of theirs is imported before it is asked for.

    A file may declare `variants` beside its plug-in: {"partial": plug-in} in `inductor.py` is `inductor-partial`.
    A plug-in package may name `ALIASES`: other names of what is there.
    """

    def __init__(self, kind: str, package: str, group: str):
        self.kind, self.package, self.group = kind, package, group

    @cached_property
    def _own(self) -> dict[str, tuple[P, str]]:
        """Our own plug-ins and their variants by name, each with its module."""
        found = {}
        for info in pkgutil.iter_modules(importlib.import_module(self.package).__path__):
            if info.name.startswith("_"):
                continue
            module = importlib.import_module(f"{self.package}.{info.name}")
            plugin = getattr(module, self.kind)
            found[plugin.name] = plugin, module.__name__
            for suffix, variant in getattr(module, "variants", {}).items():
                found[f"{plugin.name}-{suffix}"] = variant, module.__name__
        return found

    @cached_property
    def _entry_points(self) -> dict:
        return {e.name: e for e in entry_points(group=self.group)}

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        return getattr(importlib.import_module(self.package), "ALIASES", {})

    def names(self) -> list[str]:
        """All that are known here, those of other packages too, sorted."""
        return sorted({*self._own, *self._entry_points})

    def __contains__(self, name: str) -> bool:
        return name in self._own or name in self._entry_points or user_file.names_one(name)

    def resolved(self, name: str) -> str:
        """The name under which the plug-in is known here, when `name` is an alias of it."""
        return self._aliases.get(name, name)

    def is_ours(self, name: str) -> bool:
        """Whether the library itself has the plug-in `name`."""
        return name in self._own

    def module_of(self, name: str) -> str:
        """The dotted name of the module that declares the plug-in `name`, or reads the user's file that does.

        Raises:
            UnknownName: there is no such plug-in.
        """
        self._check(name)
        if name in self._own:
            return self._own[name][1]
        return user_file.__name__ if user_file.names_one(name) else self._entry_points[name].module

    def file_of(self, name: str) -> Path:
        """The file that declares the plug-in `name`.

        Raises:
            UnknownName: there is no such plug-in.
            UserError: its package is no file.
        """
        if user_file.names_one(name):
            return user_file.path_of(name)
        spec = importlib.util.find_spec(self.module_of(name))
        if spec is None or spec.origin is None:
            raise UserError(f"{self.kind} '{name}' has no file of its own")
        return Path(spec.origin)

    def get(self, name: str) -> P:
        """The plug-in called `name`: a `Source`, `Exporter`, `Pass` or `Runtime`, as the registry holds.

        Raises:
            UnknownName: there is no such plug-in.
            UserError: one of another package, or of a user's file, cannot be loaded.
        """
        self._check(name)
        if name in self._own:
            return self._own[name][0]
        try:
            if user_file.names_one(name):
                return cast(P, user_file.plugin(self.kind, name))
            return cast(P, self._entry_points[name].load())
        except Exception as error:
            package = missing_package(error.__cause__ if isinstance(error, UserError) else error)
            if package and self.kind != "source":
                return cast(P, _absent(self.kind, name, package))
            if isinstance(error, UserError):
                raise
            raise UserError(
                f"{self.kind} '{name}' of {self._entry_points[name].value} does not load: {error}"
            ) from error

    def _check(self, name: str) -> None:
        if name not in self:
            raise UnknownName(self.kind, name, self.names())


def _absent(kind: str, name: str, package: str) -> Exporter | Pass | Runtime:
    """What stands in the place of a plug-in that cannot be read for want of a package: a plan tells it as lacking, and
    no rule knows it."""

    def lacks(trial: Any) -> str:
        return f"it needs the package {package}, which is not installed"

    def use(request: Any) -> Any:
        raise Unavailable(f"{name}: {lacks(request)}")

    if kind == "exporter":
        return Exporter(name, "", takes="", artifact="", export=use, lacks=lacks)
    if kind == "runtime":
        return Runtime(name, "", opens=(), open=use, lacks=lacks)
    return Pass(name, "", apply=use, lacks=lacks)


sources: Registry[Source] = Registry("source", "benchlib.models", "benchlib.suites")
exporters: Registry[Exporter] = Registry("exporter", "benchlib.exporters", "benchlib.exporters")
passes: Registry[Pass] = Registry("pass_", "benchlib.passes", "benchlib.passes")
runtimes: Registry[Runtime] = Registry("runtime", "benchlib.runtimes", "benchlib.runtimes")
