"""An engine of the user's own: a class in a file, addressed `runtime: path/to/file.py:Class`.

    class Mine:
        \"\"\"What it is, in a line.\"\"\"

        options = {"blocks": 4}        # its runtime_args with their defaults, or with an `Option` of benchlib.registry
        opens = ("onnx",)              # kinds of artifact
        packages = ("mine",)           # what has to be installed
        providers = {"CPU": "cpu"}     # provider -> device; a class that names others takes `device` as well
        contrib = False                # whether it runs the operators of onnxruntime's own (com.microsoft)

        def __init__(self, path: str, threads: int, **options): ...
        def run(self, feeds: dict[str, numpy.ndarray]) -> list | dict: ...

The constructor and `run` (or `__call__`) are required, the attributes are not; what is above is their default, but for
`options` and `packages`, which are empty. `run` is what is timed: it takes the inputs by name, from the host, and has
finished when it returns arrays on the host: new ones, or the same ones again, which the next call may overwrite.
What an input's array holds changes between calls, so `run` reads it each time. An instance may have `input_names`, the
graph's own, by which its inputs are then given (complex ones to a graph of ONNX as pairs of real numbers), and `facts`
for the record: `threads` and `precision` as it read them back (see `benchlib.runtimes.Session`); of an engine that says
nothing, the threads that were asked for are written down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from benchlib import tensors
from benchlib.errors import UserError
from benchlib.registry import Facts, Option, Runtime
from benchlib.runtimes import OpenRequest
from benchlib.runtimes._ort_session import feeds
from benchlib.tensors import FlatArrays, Inputs


class OwnSession:
    """An instance of the user's class."""

    reads_in_place = True  # `run` gets the bound arrays themselves

    def __init__(self, name: str, engine: Any, request: OpenRequest, provider: str):
        self.name, self.engine = name, engine
        self.opens_onnx = request.artifact.endswith(".onnx")
        self.run = engine.run if hasattr(engine, "run") else engine
        said = {"input_names": list(engine.input_names)} if hasattr(engine, "input_names") else {}
        self.facts: Facts = {
            "providers": provider,
            "threads": request.threads,
            **said,
            **getattr(engine, "facts", {}),
        }

    def bind(self, inputs: Inputs, flat: FlatArrays) -> Callable[[], Any]:
        """The engine's own `run` on the arrays by name, and nothing around it."""
        names = self.facts.get("input_names", list(flat))
        return partial(self.run, feeds(names, inputs, flat, complex_names=() if self.opens_onnx else names))

    def to_host(self, outputs: Any) -> Any:
        """What `run` returned, a single array as a list of one. Raises RuntimeError for what holds no arrays."""
        nested = [outputs] if hasattr(outputs, "dtype") else outputs
        leaves, _ = tensors.flatten(nested)
        if not leaves:
            raise RuntimeError(f"{self.name}: run returned {type(outputs).__name__} without an array in it")
        return nested


def runtime_of(name: str, cls: type) -> Runtime:
    """The runtime that a class of the user's makes. Raises UserError for a class that lacks what it has to have."""
    own = [vars(c) for c in cls.__mro__ if c is not object]
    if not any(method in attributes for attributes in own for method in ("run", "__call__")):
        raise UserError(f"{name} has no method run(feeds), which the runtime of a class needs")
    if not any("__init__" in attributes for attributes in own):
        raise UserError(f"{name} has no constructor (path, threads, **options), which the runtime of a class needs")
    providers = dict(getattr(cls, "providers", {"CPU": "cpu"}))
    return Runtime(
        name=name,
        summary=(cls.__doc__ or "an engine of the user's own").strip().partition("\n")[0],
        opens=_texts(name, cls, "opens", ("onnx",)),
        open=partial(_open, name, cls, providers),
        packages=_texts(name, cls, "packages", ()),
        providers=providers,
        contrib=bool(getattr(cls, "contrib", False)),
        options={key: _option(value) for key, value in getattr(cls, "options", {}).items()},
    )


def _open(name: str, cls: type, providers: Mapping[str, str], request: OpenRequest) -> OwnSession:
    elsewhere = {"device": request.device} if set(providers.values()) != {"cpu"} else {}
    engine = cls(request.artifact, request.threads, **elsewhere, **request.options)
    kind = request.device.partition(":")[0]
    provider = request.provider or next((p for p, device in providers.items() if device == kind), "")
    return OwnSession(name, engine, request, provider)


def _option(value: Any) -> Option:
    """An option from its default alone; one without a type (None) takes anything."""
    return value if isinstance(value, Option) else Option(object if value is None else type(value), value, "")


def _texts(name: str, cls: type, attribute: str, default: tuple[str, ...]) -> tuple[str, ...]:
    found = getattr(cls, attribute, default)
    if isinstance(found, str) or not all(isinstance(text, str) for text in found):
        raise UserError(f"{name}: {attribute} has to be a tuple of texts, not {found!r}")
    return tuple(found)
