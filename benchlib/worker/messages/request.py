"""What a request and its reply are, and how a request is found by its verb."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from benchlib.typed_json import from_json

R = TypeVar("R")
REQUESTS: dict[str, type[Request[Any]]] = {}  # by their verb


class Request(Generic[R]):
    """Something that a worker is asked for, by a verb; `R` is the class of its reply."""

    verb: ClassVar[str]
    reply: ClassVar[Any]

    def __init_subclass__(cls, verb: str) -> None:
        cls.verb, cls.reply = verb, typing.get_args(cls.__orig_bases__[0])[0]  # type: ignore[attr-defined]
        REQUESTS[verb] = cls


@dataclass(frozen=True)
class Done:
    """The reply of a verb that has nothing to say."""


@dataclass(frozen=True)
class Problem:
    """What stands in the place of a reply when a verb failed."""

    kind: str  # the status that the trial ends with: failed, skipped, oom or refused
    type: str
    message: str
    traceback: str = ""


@dataclass(frozen=True)
class Leave(Request[Done], verb="bye"):
    """The worker ends."""


def request_named(verb: str, fields: Mapping[str, Any]) -> Request[Any]:
    """The request that arrived. Raises KeyError for a verb that nobody declared."""
    return from_json(REQUESTS[verb], fields)
