"""What a user names on the command line: the folder of a study, the notebook of a trial."""

from __future__ import annotations

from pathlib import Path

from benchlib.errors import UnknownName, UserError, suggestion
from benchlib.plan import study as studies


def folder_of(study: str) -> Path:
    """The folder of a study: as given, by its name under outputs/, or as its YAML file says."""
    path = Path(study)
    if path.suffix in (".yaml", ".yml"):
        return Path("outputs") / studies.read(path).name
    if path.is_dir():
        return path
    known = [p.parent.name for p in Path("outputs").glob("*/study.yaml")]
    if study in known:
        return Path("outputs") / study
    raise UnknownName("study", study, known)


def notebook_of(trial: str) -> Path:
    """The executed notebook of a trial: by its path, its name or its key, under outputs/. Raises UserError."""
    path = Path(trial)
    if path.suffix == ".ipynb" and path.exists():
        return path
    found = [p for p in Path("outputs").glob("*/trials/*.ipynb") if p.stem == trial or p.stem.endswith(f"-{trial[:8]}")]
    if not found:  # of a plan that another one followed: the last of them
        past = [
            p
            for p in Path("outputs").glob("*/past/*.ipynb")
            if f"-{trial[:8]}." in p.name or p.name.startswith(f"{trial}.")
        ]
        found = sorted(past, key=lambda p: p.stat().st_mtime)[-1:]
    if len(found) > 1:
        raise UserError(f"several notebooks under outputs/ are called '{trial}'; give the path of one")
    if not found:
        names = [p.stem for p in Path("outputs").glob("*/trials/*.ipynb")]
        near = suggestion(trial, names) or "; give the path of one, as outputs/run/trials/NAME.ipynb"
        raise UserError(f"no executed notebook under outputs/ is called '{trial}'{near}")
    return found[0]
