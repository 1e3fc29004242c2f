"""Whether the figures of a study can be believed, and why: four questions, each with its answer in words."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from benchlib.measure import thresholds
from benchlib.plan.in_words import counted
from benchlib.record import NOT_RUN
from benchlib.report import prose
from benchlib.report.collate import Results
from benchlib.report.words import NO_VERDICTS

YES, IN_PART, NO = "yes", "in part", "no"
_ENDED = ("failed", "timeout", "crashed", "oom")  # otherwise than with a figure, and not by a rule


@dataclass(frozen=True)
class Reason:
    """The answer to one of the questions."""

    question: str  # quiet, exact, right or complete
    trials: int  # of which the answer is no
    of: int
    text: str
    counts: bool = True  # whether nothing can be believed where the answer is no of all

    @property
    def is_good(self) -> bool:
        return self.trials == 0


@dataclass(frozen=True)
class Belief:
    """What the reasons come to: "yes" where all are good, "no" where one leaves no figure, else "in part"."""

    word: str
    reasons: list[Reason]

    @property
    def sentence(self) -> str:
        """`Believe it? Yes: the host was quiet; …`, what speaks against it first."""
        told = "; ".join(reason.text for reason in sorted(self.reasons, key=lambda r: r.is_good))
        return f"Believe it? {self.word.capitalize()}: {told}."


def belief_in(results: Results) -> Belief:
    """Of a study as it stands. What was refused or skipped by a rule counts neither way."""
    table = results.table
    timed = table[table["time_latency"].notna() & (table["status"] != NOT_RUN)]
    if timed.empty:
        return Belief(NO, [Reason("complete", len(table), len(table), "nothing was timed")])
    found = (_quiet(timed), _exact(timed), _right(table, timed), _complete(table))
    reasons = [reason for reason in found if reason]
    if all(reason.is_good for reason in reasons):
        return Belief(YES, reasons)
    return Belief(NO if any(r.counts and r.of and r.trials == r.of for r in reasons) else IN_PART, reasons)


def _quiet(timed: pd.DataFrame) -> Reason:
    looked_at = timed[["time_lost", "host_busy", "reference_load_moved"]].notna().any(axis=1)
    unknown = int((~looked_at | (timed["level"] == NO_VERDICTS)).sum())
    lost = int((timed["disturbed_by"].fillna("") != "").sum())
    if unknown and not lost:
        return Reason(
            "quiet", unknown, len(timed), f"whether the host was quiet is not known of {_of(unknown, len(timed))}"
        )
    if not lost:
        return _beside_others(timed)
    return Reason("quiet", lost, len(timed), f"the host disturbed {_of(lost, len(timed))}")


def _beside_others(timed: pd.DataFrame) -> Reason:
    """Of figures that nobody disturbed: what others may take all the same, of memory above all, no counter tells."""
    busy = timed.loc[timed["host_busy"] > thresholds.BUSY, "host_busy"].astype(float)
    if busy.empty:
        return Reason("quiet", 0, len(timed), "the host was quiet")
    text = f"beside {_of(len(busy), len(timed))} others kept up to {busy.max():.0%} of the cores busy"
    return Reason("quiet", len(busy), len(timed), f"{text.replace('%', ' %')}, for which intervals are wider", False)


def _exact(timed: pd.DataFrame) -> Reason | None:
    """Whether the figures are known as closely as their level asks; None of records that do not say."""
    if smoke := int((timed["level"] == NO_VERDICTS).sum()):
        which = "" if smoke == len(timed) else f" ({_of(smoke, len(timed))})"
        return Reason("exact", smoke, len(timed), f"level {NO_VERDICTS} decides nothing{which}")
    if timed["converged"].isna().all():
        return None
    wide = int((timed["converged"] == False).sum())  # noqa: E712 (a nullable column)
    levels = prose.listed([str(level) for level in timed["level"].dropna().unique()])
    if not wide:
        return Reason("exact", 0, len(timed), f"all intervals are as narrow as level {levels} asks")
    are = "is" if wide == 1 else "are"
    return Reason("exact", wide, len(timed), f"{_of(wide, len(timed))} {are} known less closely than its level asks")


def _right(table: pd.DataFrame, timed: pd.DataFrame) -> Reason:
    """Whether what was timed computes what it should, on inputs that somebody would send."""
    counts = {
        "computes something else": table["status"] == "inaccurate",
        "could not be compared": table["status"] == "unverified",
        "failed a check of what is possible": timed["suspect"].fillna("") != "",
        "had inputs of which nothing is known": timed["inputs_guessed"].fillna("") != "",
    }
    found = {text: int(hits.sum()) for text, hits in counts.items() if hits.any()}
    of = int((table["status"] == "inaccurate").sum()) + int((timed["status"] != "inaccurate").sum())
    if not found:
        return Reason("right", 0, of, "all outputs were compared, and are right")
    return Reason("right", min(of, sum(found.values())), of, ", ".join(f"{n} {text}" for text, n in found.items()))


def _complete(table: pd.DataFrame) -> Reason:
    found = {status: int((table["status"] == status).sum()) for status in (*_ENDED, NOT_RUN)}
    lacking = sum(found.values())
    if not lacking:
        return Reason("complete", 0, len(table), "all that was planned ran")
    told = prose.listed([f"{n} {status}" for status, n in found.items() if n])
    return Reason("complete", lacking, len(table), f"of {counted(len(table), 'trial')} {told}")


def _of(some: int, of: int) -> str:
    """`1 of 18 figures`, `all 18 figures`, `the figure`."""
    if some == of:
        return "the figure" if of == 1 else f"all {of} figures"
    return f"{some} of {counted(of, 'figure')}"
