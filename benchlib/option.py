"""What a plug-in declares of an option that it takes. Standard library alone, as `benchlib.registry`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """An option of a plug-in, as it may stand in `exporter_args`, `runtime_args` or `model_args`."""

    type: type | tuple[type, ...]
    default: Any
    help: str
    choices: tuple = ()

    @property
    def type_in_words(self) -> str:
        """`a whole number`, `a text or a list`."""
        return _type_name(self.type)

    def problem(self, value: Any) -> str | None:
        """Why `value` does not fit, or None."""
        if isinstance(value, bool) and self.type in (int, float):
            return f"{value!r} is not {self.type_in_words}"
        if self.type is float and isinstance(value, int):
            return None
        if not isinstance(value, self.type):
            return f"{value!r} is not {self.type_in_words}"
        if self.choices and value not in self.choices:
            return f"{value!r} is none of {', '.join(map(str, self.choices))}"
        return None


def _type_name(kind: type | tuple[type, ...]) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    words = {
        int: "a whole number",
        float: "a number",
        str: "a text",
        bool: "true or false",
        list: "a list",
        dict: "a mapping",
    }
    return " or ".join(words.get(k, k.__name__) for k in kinds)
