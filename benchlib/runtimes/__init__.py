"""What executes an artifact: one file per runtime, each declaring a `runtime`
(see `benchlib.registry.Runtime`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class OpenRequest:
    """What a runtime is asked to open, as it arrives in a timing worker."""

    artifact: str  # the path of the artifact: an exported file, or the saved model
    exporter: str
    exporter_args: Mapping[str, Any] = field(default_factory=dict)
    positional: tuple[str, ...] = ()  # inputs that the module takes by position
    device: str = "cpu"
    provider: str = ""
    threads: int = 1
    rtopt: str = "all"
    options: Mapping[str, Any] = field(default_factory=dict)  # runtime_args


class Session(Protocol):
    """An artifact opened by a runtime.

    `facts` go into the record: `providers` (observed), `threads` (the runtime's own setting, read back),
    `weights_hash` where there are weights. A session that compiles at its first call says afterwards, by
    `compile_cache()`, whether it had to (`cold`) or found it done (`warm`).
    """

    facts: dict[str, Any]

    def bind(self, inputs: dict[str, Any], flat: dict[str, Any]) -> Callable[[], Any]:
        """A call without arguments that does what is timed.

        `inputs` is the nesting of numpy arrays that the model takes, `flat` the same arrays by name, in
        order. Preparing them for the runtime happens here, once, outside the timing; with `io: host` the
        call itself copies from and to the host. It returns the outputs, and has finished when it returns.
        """
        ...
