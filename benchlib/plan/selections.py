"""Selections of models: `timm/all`, `All`, `Head`, `Tail`, `3`, `3-7`, a substring, `scripts/*.py`, or simply a name.

The names of a suite come from its catalogue. Those beyond it, which its package alone knows, are asked for once per
package version, in a process of their own, and kept in the cache; only a name that the catalogue lacks leads there.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from benchlib import artifacts, machine
from benchlib.discovery import Discovery
from benchlib.errors import UserError, suggestion
from benchlib.fingerprint import code_of
from benchlib.models import FILES, parse, rows_of, script
from benchlib.plan.availability import absent, without_packages
from benchlib.registries import sources
from benchlib.registry import Facts
from benchlib.trial import Trial

_ASK = (
    "import json, sys; from benchlib.registries import sources; "
    "print(json.dumps(getattr(sources.get(sys.argv[1]), sys.argv[2])()))"
)
_PATIENCE = 300.0  # seconds: importing a package for the first time may compile it


def select(model: str) -> list[str]:
    """The models that a text stands for; a text that is no selection stands for itself. Raises UserError."""
    suite, _, wanted = model.partition("/")
    if script.is_script(model) or Path(model.partition("::")[0]).suffix.lower() in FILES:
        return _files(model)
    if suite not in sources or sources.get(suite).catalogue is None:
        try:
            parse(model)
        except UserError:
            if near := _with_suites(model):
                raise UserError(f"model '{model}' names no suite: did you mean {' or '.join(near)}?") from None
            raise
        return [model]
    if not wanted:
        ways = ", ".join(f"{suite}/{word}" for word in ("all", "Head", "3", "3-7"))
        raise UserError(f"model '{model}' is a whole suite: say which of it ({ways}, a name or a part of one)")
    names = list(rows_of(suite))
    return [f"{suite}/{name}" for name in _chosen(suite, wanted, names)]


def picked(trial: Trial) -> list[str]:
    """The models that the script of a trial calls, or those that it picks, each by its hash. Where the script calls
    none (its record will say why), or a rule refuses it, that is the trial's own."""
    if not _discovery(trial):
        return [trial.model]
    return [f"{trial.model.partition('::')[0]}::{hash}" for hash in script.picked(trial)] or [trial.model]


def missed(trial: Trial) -> str | None:
    """What the script of a trial ended for the lack of, before it called a model; None of any other trial."""
    discovery = _discovery(trial)
    return script.lacks(discovery) if discovery else None


def _discovery(trial: Trial) -> Discovery | None:
    """What the script of a trial calls, where nothing refuses it."""
    if not script.is_script(trial.model) or trial.source()[0] is not script.source or script.refuse(trial):
        return None
    return script.discovered(script.path_of(trial.model), trial)


def more(suite: str) -> list[str]:
    """The names beyond a suite's catalogue that it takes too, in its own order; empty when its package is missing."""
    return _asked(suite, "more")


def tags(suite: str) -> list[str]:
    """The names of a suite with a tag of weights behind a dot; empty when its package is missing."""
    return _asked(suite, "tags")


def _asked(suite: str, what: str) -> list[str]:
    source = sources.get(suite)
    if getattr(source, what) is None or without_packages(source):
        return []
    decided = [suite, what, *(f"{p} {machine.package_version(p)}" for p in source.packages), code_of(sources, suite)]
    key = hashlib.sha256(json.dumps(decided).encode()).hexdigest()

    def build(_, facts: Facts) -> None:
        facts["names"] = _ask(suite, what)

    return artifacts.obtain("catalogues", suite, key, {"decided": decided}, build)[0].facts["names"]


def _chosen(suite: str, wanted: str, names: list[str]) -> list[str]:
    if wanted in names:
        return [wanted]
    real = [n for n in names if not n.startswith("101")]  # torch_bench's dummies
    named = {"all": names, "All": real, "Head": real[:10], "Tail": real[-10:]}
    if wanted in named:
        return named[wanted]
    if numbers := re.fullmatch(r"(\d+)(?:-(\d+))?", wanted):
        first, last = int(numbers[1]), int(numbers[2] or numbers[1])
        if first > last or last >= len(names):
            raise UserError(f"model '{suite}/{wanted}': the suite has the models 0 to {len(names) - 1}")
        return names[first : last + 1]
    return _by_text(suite, wanted, names)


def _by_text(suite: str, wanted: str, names: list[str]) -> list[str]:
    """The models that contain a text, or the one beyond the catalogue that is called so. Raises UserError."""
    source, beyond = sources.get(suite), more(suite)
    if wanted in beyond:
        return [wanted]
    stem, dot, _ = wanted.partition(".")
    if source.tags and dot and stem in (*names, *beyond):
        if wanted not in (known := tags(suite)):
            mine = [name for name in known if name.startswith(f"{stem}.")]
            raise UserError(f"model '{suite}/{wanted}': {stem} has no such tag{suggestion(wanted, mine)}")
        return [wanted]
    if containing := _containing(names, wanted) or _containing(beyond, wanted):
        return containing
    if source.more and without_packages(source):  # nobody knows such names here: the plan says what is missing
        return [wanted]
    raise UserError(f"model '{suite}/{wanted}': {suite} has no such model{suggestion(wanted, [*names, *beyond])}")


def _with_suites(name: str) -> list[str]:
    """Models that a name without a suite may stand for, those of suites that make their own first; at the most three,
    and none that this machine lacks something for."""
    if not re.fullmatch(r"[\w-]+", name) or Path(name).exists():  # what has a dot was meant as a file
        return []
    found: list[str] = []
    for suite in sorted(filter(_is_here, sources.names()), key=lambda suite: sources.get(suite).more is None):
        names = [row["name"] for row in rows_of(suite).values() if not absent(row)]
        found += [f"{suite}/{n}" for n in dict.fromkeys([*names, *more(suite)]) if n.lower() == name.lower()]
    return found[:3]


def _is_here(suite: str) -> bool:
    source = sources.get(suite)
    return source.catalogue is not None and not without_packages(source)


def _containing(names: list[str], wanted: str) -> list[str]:
    return [n for n in names if wanted.lower() in n.lower()]


def _files(model: str) -> list[str]:
    """The files of a pattern, in alphabetical order, each with every hash that is picked. A file that is called like a
    pattern is that file."""
    file, picks, picked = model.partition("::")
    is_pattern = glob.has_magic(file) and not Path(file).expanduser().exists()
    found = sorted(glob.glob(str(Path(file).expanduser()))) if is_pattern else [file]
    if not found:
        raise UserError(f"model '{model}': no file has such a name (looked in {Path.cwd()})")
    if not is_pattern:
        parse(model)
    return [f"{name}{picks}{hash}" for name in found for hash in dict.fromkeys(picked.split(","))]


def _ask(suite: str, what: str) -> list[str]:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ASK, suite, what],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            env=dict(os.environ),
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"the suite {suite} did not list its models within {_PATIENCE:g} s") from error
    if done.returncode:
        message = done.stderr.strip().rpartition("\n")[2] or "no message"
        raise UserError(f"the suite {suite} does not list its models: {message}")
    return json.loads(done.stdout.splitlines()[-1])
