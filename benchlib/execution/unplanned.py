"""Executed notebooks of no planned trial. A sweep moves them to `past/`, so that a folder holds its study and no more.

They are left by an earlier plan, by a model that has changed, or by trials whose keys an earlier version made. Only
what holds a record of ours is moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchlib.errors import UserError
from benchlib.execution import store
from benchlib.execution.contest import way_alone, ways_of_pair
from benchlib.mistakes import make
from benchlib.record import Record, scrap
from benchlib.registry import Parameters
from benchlib.trial_key import is_of_earlier_rule


@dataclass(frozen=True)
class Unplanned:
    """The notebooks of a study's folder that belong to no trial of its plan."""

    earlier: tuple[Path, ...]  # of trials whose keys an earlier version made
    others: tuple[Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        return *self.earlier, *self.others

    @property
    def words(self) -> list[str]:
        """A line for each kind of which there are any."""
        lines = []
        if n := len(self.earlier):
            trials = "trials with keys" if n > 1 else "a trial with a key"
            runs = "they run again, the old ones go" if n > 1 else "it runs again, the old one goes"
            lines.append(f"{_notebooks(n)} of {trials} of an earlier version: {runs} to {store.PAST}/")
        if n := len(self.others):
            lines.append(f"{_notebooks(n)} of no planned trial: {'they go' if n > 1 else 'it goes'} to {store.PAST}/")
        return lines

    def put_past(self, folder: Path) -> None:
        """Moves them, each with what was made of it, one after the other: killed between two, the rest stays."""
        for path in self.paths:
            store.put_past(folder, path.stem, path.parent.name)


def unplanned(planned: Mapping[str, Parameters], folder: Path, records: Mapping[Path, Record]) -> Unplanned:
    """What is unplanned in a folder.

    Args:
        planned: the parameters of the trials that belong there, by key.
        folder: that of a study, for its direct pairs.
        records: those of its trials, by their notebooks.
    """
    found = [path for path, record in records.items() if record.key not in planned]
    ways = {way_alone(parameters) for parameters in planned.values()}
    pairs, _ = scrap.read_all(folder / store.RUNOFF)
    found += [path for path, record in pairs.items() if not _is_pair_of(ways, record)]
    known = {**records, **pairs}
    earlier = tuple(path for path in found if is_of_earlier_rule(known[path].key))
    return Unplanned(earlier, tuple(path for path in found if path not in earlier))


def _is_pair_of(ways: set[str], record: Record) -> bool:
    """Whether a record is that of a direct pair between two of these ways, under the key that it would have now."""
    try:
        trial = make(record.trial)
        return trial.key() == record.key and ways_of_pair(trial) <= ways
    except UserError:  # what it needs is not there any more
        return False


def _notebooks(n: int) -> str:
    return f"{n} notebooks are" if n > 1 else "1 notebook is"
