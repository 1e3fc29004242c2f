"""Where the notebooks are that trials and reports are made from, and where results go."""

from __future__ import annotations

from pathlib import Path

_LIBRARY = Path(__file__).parent
# A package brings them inside of it, in `templates/`; in a checkout they stand beside the library.
_BROUGHT = _LIBRARY / "templates"
FOLDER = _BROUGHT if _BROUGHT.is_dir() else _LIBRARY.parent / "notebooks"
CHECKOUT = None if _BROUGHT.is_dir() else _LIBRARY.parent


def outputs() -> Path:
    """The folder of results for who names none: `outputs/` of the checkout from inside of which it is asked, as a
    kernel in `notebooks/` does, else of the current folder."""
    here = Path.cwd()
    inside = CHECKOUT is not None and here != CHECKOUT and here.is_relative_to(CHECKOUT)
    return CHECKOUT / "outputs" if inside else Path("outputs")
