"""A YAML file that a user wrote, read so that every value keeps its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchlib.errors import UserError


def read(path: Path) -> Any:
    """The document in ruamel's own containers, or None where the file is empty. Raises FileNotFoundError, and UserError
    for what is no YAML, with file and line where there is one."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="rt").load(path.read_text())
    except FileNotFoundError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UserError(f"{path}:{mark.line + 1}: {error.problem.splitlines()[0]}") from error
    except (UnicodeDecodeError, OSError, YAMLError) as error:  # among them characters that no YAML may hold
        raise UserError(f"{path} is not a YAML text") from error
