"""HTML by jinja2: every value is escaped, unless it is HTML already (`Markup`)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

_ENVIRONMENT = Environment(autoescape=True, undefined=StrictUndefined)


def html(template: str, /, **values: Any) -> Markup:
    """The HTML of a jinja2 template: `html("<b>{{ name }}</b>", name=model)`.

    Raises jinja2.UndefinedError for a name of the template that has no value.
    """
    return Markup(_compiled(template).render(values))


def joined(pieces: Iterable[str], between: str = "") -> Markup:
    """Pieces one after the other, the empty ones left out. A piece that is no HTML is escaped; what stands between them
    is HTML."""
    return Markup(between).join(piece for piece in pieces if piece)


@cache
def _compiled(template: str) -> Template:
    return _ENVIRONMENT.from_string(template)
