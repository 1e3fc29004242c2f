"""Where the notebooks are that trials and reports are made from."""

from __future__ import annotations

from pathlib import Path

_LIBRARY = Path(__file__).parent
# A package brings them inside of it, in `templates/`; in a checkout they stand beside the library.
_BROUGHT = _LIBRARY / "templates"
FOLDER = _BROUGHT if _BROUGHT.is_dir() else _LIBRARY.parent / "notebooks"
