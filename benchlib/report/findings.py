"""What a study found, in sentences that are computed from its table."""

from __future__ import annotations

import pandas as pd

from benchlib.plan.in_words import counted
from benchlib.report import prose, units
from benchlib.report.columns import incomparable, shared_conditions
from benchlib.report.rows import rows_of
from benchlib.report.words import NO_VERDICTS, VERDICT_WORDS

FEW = 3  # models, up to which a title names each


def scope(table: pd.DataFrame) -> str:
    """How many models and ways a study has, at which level, when it was measured, and under which conditions."""
    levels = ", ".join(sorted(table["level"].dropna().unique())) if "level" in table else ""
    days = sorted(table["date_start"].dropna().unique())
    when = f", measured {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "") if days else ""
    models = len(table[["model", "model_args"]].astype(str).drop_duplicates())
    ways = table["way"].nunique()
    level = f" at level {levels}" if levels else ""
    them = "it" if models == 1 else "them"
    shared = [word for word in shared_conditions(table) if not word.startswith("level")]
    beside = f" All with {', '.join(shared)}." if shared else ""
    return f"{counted(models, 'model')}, {counted(ways, 'way')} of running {them}{level}{when}.{beside}"


def in_short(table: pd.DataFrame) -> str:
    """`mlp in 3 ways`, `4 models in 7 ways`: the title of a study that nobody gave one."""
    models = list(dict.fromkeys(map(str, table["model_name"])))
    listed = prose.listed(models) if 0 < len(models) <= FEW else counted(len(models), "model")
    ways = list(dict.fromkeys(map(str, table["way"])))
    return f"{listed} by {ways[0]}" if len(ways) == 1 else f"{listed} in {len(ways)} ways"


def verdicts(table: pd.DataFrame) -> str:
    """How many ways came out as what, and the largest speedup that is certain."""
    unverified = int((table["status"] == "unverified").sum())
    rows = table[table["speedup"].notna() & ~table["control"].astype(bool) & (table["status"] != "unverified")]
    controls = int((table["control"] & table["speedup_low"].notna()).sum())
    if rows.empty:
        return " ".join(filter(None, ["No way was compared with a reference in this study.", _unverified(unverified)]))
    decided = rows[rows["level"] != NO_VERDICTS]
    found, undecided = decided["verdict"].value_counts(), len(rows) - len(decided)
    parts = [f"{found[v]} {'is' if found[v] == 1 else 'are'} {v}" for v in VERDICT_WORDS if v in found]
    if withheld := int((decided["verdict_withheld"].fillna("") != "").sum()):
        parts.append(f"{withheld} {'has' if withheld == 1 else 'have'} no verdict, being suspect")
    if undecided:
        parts.append(f"{undecided} of level {NO_VERDICTS} decide{'s' if undecided == 1 else ''} nothing")
    text = f"Of {counted(len(rows), 'trial')} compared with a reference, {prose.listed(parts)}"
    faster = decided[decided["verdict"] == "faster"]
    if len(faster):
        best = faster.loc[faster["speedup"].astype(float).idxmax()]
        value, interval = units.with_interval(best["speedup"], best["speedup_low"], best["speedup_high"])
        text += f". The largest speedup is {value} ({interval}): {best['model_name']}, {best['way']}"
    if controls:
        text += f". {counted(controls, 'A/A control')} "
        text += f"show{'s' if controls == 1 else ''} how far noise alone reaches (the shaded band)"
    return " ".join(filter(None, [f"{text}.", _unverified(unverified)]))


def not_comparable(table: pd.DataFrame) -> str:
    """Of how many trials no speedup is published because their contenders differ in precision, and in what."""
    rows = [row for row in rows_of(table) if incomparable(row)]
    if not rows:
        return ""
    counts = pd.Series([row["not_comparable"] for row in rows]).value_counts()
    told = "; ".join(f"{reason} ({counted(n, 'trial')})" for reason, n in counts.items())
    return (
        f"Not comparable, so that no speedup is published and none of them is called fastest, "
        f"{'is' if len(rows) == 1 else 'are'} {counted(len(rows), 'trial')} whose contenders do not compute in the "
        f"same: {told}."
    )


def _unverified(trials: int) -> str:
    if not trials:
        return ""
    its = "its" if trials == 1 else "their"
    return (
        f"{counted(trials, 'trial')} could not be compared with what counts as right (unverified): {its} latency "
        "is shown, and nothing is decided by it."
    )
