"""What the head of a report and the terminal say of a busy host: how many verdicts it cost, and what to do."""

from __future__ import annotations

import pandas as pd

from benchlib.execution.reference_course import MovedReference
from benchlib.measure.verdicts import CAUSES, DISTURBED
from benchlib.plan.in_words import counted
from benchlib.report import prose, units
from benchlib.report.collate import Results
from benchlib.report.markup import html, joined
from benchlib.stages.shown import two_digits

_WHAT_TO_DO = (
    "Stop what else runs on this host and measure again (a sweep with --rerun all), ask for fewer threads (num_cores), "
    "or have trials wait longer (wait_for_quiet)."
)


def sentences(results: Results) -> list[str]:
    """A line on disturbed verdicts, one on each reference that moved, and one on what to do; none of a quiet study."""
    lines = [_verdicts(results.table), *map(_moved, results.moved)]
    said = [line for line in lines if line]
    return [*said, _WHAT_TO_DO] if said else []


def warning(results: Results) -> str:
    """The same as a box of the report's head; empty of a quiet study."""
    lines = sentences(results)
    if not lines:
        return ""
    return html('<div class="warning disturbed">{{ lines }}</div>', lines=joined(map(prose.paragraph, lines)))


def _verdicts(table: pd.DataFrame) -> str:
    compared = table[table["speedup"].notna() & ~table["control"].astype(bool)]
    lost = compared[compared["verdict"] == DISTURBED]
    if lost.empty:
        return ""
    counts = lost["disturbed_by"].fillna("").str.split(", ").explode().value_counts()
    causes = "; ".join(f"{CAUSES.get(name, name)} ({n})" for name, n in counts.items() if name)
    are = "is" if len(lost) == 1 else "are"
    return (
        f"{len(lost)} of {counted(len(compared), 'verdict')} {are} disturbed and decide{'s'[: len(lost) == 1]} "
        f"nothing: {causes}."
    )


def _moved(reference: MovedReference) -> str:
    low, high = units.duration(reference.low), units.duration(reference.high)
    return (
        f"The reference of {reference.model} ({reference.way}) took {low} in one trial and {high} in another, "
        f"{two_digits(reference.ratio)} times as long: nothing is decided by the "
        f"{counted(reference.trials, 'trial')} that compare with it."
    )
