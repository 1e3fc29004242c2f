"""Which differences stand when all comparisons of a study are counted, and what its host can tell at all."""

from __future__ import annotations

import pandas as pd

from benchlib.host import calibration
from benchlib.host.calibration import percent
from benchlib.measure.levels import LEVELS
from benchlib.measure.multiplicity import FALSE_DISCOVERY_RATE, benjamini_hochberg
from benchlib.measure.verdicts import DISTURBED
from benchlib.report.rows import Row, rows_of
from benchlib.report.units import known

DECISIVE = ("faster", "slower")
MARK = "†"


def q_values(table: pd.DataFrame) -> pd.Series:
    """The q value of every compared trial of a study. Controls decide nothing, nor do disturbed and suspect figures,
    whose p value is no one's."""
    found = pd.Series(float("nan"), index=table.index)
    believed = table["verdict"].notna() & (table["verdict"] != DISTURBED)
    compared = table["p_value"].notna() & ~table["control"].astype(bool) & believed
    found[compared] = benjamini_hochberg(table.loc[compared, "p_value"].astype(float).to_numpy())
    return found


def decisive(table: pd.DataFrame) -> pd.DataFrame:
    """The trials that are called faster or slower."""
    return table[table["verdict"].isin(DECISIVE) & ~table["control"].astype(bool)]


def decided_break_even(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a break-even for those trials alone that are called faster or slower: records of an earlier
    version have one for every speedup, certain or not."""
    decided = table["verdict"].isin(DECISIVE)
    return table.assign(break_even=table["break_even"].where(decided))


def stands(row: Row) -> bool:
    """Whether a verdict holds at the false discovery rate; one that decides nothing always does."""
    return row["verdict"] not in DECISIVE or not known(row["q_value"]) or row["q_value"] <= FALSE_DISCOVERY_RATE


def in_words(table: pd.DataFrame) -> str:
    """How many comparisons were made, and how many of the verdicts stand; empty where none was decided."""
    rows = decisive(table)
    made = int(table["q_value"].notna().sum())
    if not made or rows.empty:
        return ""
    holding = sum(map(stands, rows_of(rows)))
    comparisons = f"{made} comparison{'s were' if made > 1 else ' was'} made"
    verdicts = f"{len(rows)} verdict{'s' if len(rows) > 1 else ''} of faster or slower"
    text = f"{comparisons}; of the {verdicts}, {'all' if holding == len(rows) else holding or 'none'} "
    text += f"stand{'s' if holding == 1 else ''} at a false discovery rate of {FALSE_DISCOVERY_RATE:.0%}"
    return text.replace("%", " %") + (f", {MARK} marks the others." if holding < len(rows) else ".")


def told_apart(table: pd.DataFrame) -> str:
    """What the hosts can tell, as the records say that it was when they were made, and how wide the study's own
    controls are; a sentence each. Empty for a study in which nothing was compared."""
    rows = table[table["p_value"].notna()]
    if rows.empty:
        return ""
    sentences = [_calibrated(rows), _controls(rows)]
    return " ".join(filter(None, sentences))


def _calibrated(rows: pd.DataFrame) -> str:
    known_ones = rows[rows["smallest_effect"].notna()]
    columns = ["smallest_effect", "verdict_floor", "level", "calibration"]
    found = known_ones.reindex(columns=columns).drop_duplicates().sort_values("smallest_effect")
    sentences = [
        f"On this host {calibration.in_words(effect, floor, level, source)}."
        if known(floor)  # a record of an earlier version calls the floor of its verdicts the smallest effect
        else f"No verdict at level {level} claims a difference under {percent(LEVELS[level].least(effect))} on this "
        f"host ({source})."
        for effect, floor, level, source in found.itertuples(index=False)
    ]
    missing = len(rows) - len(known_ones)
    if missing:
        which = "" if missing == len(rows) else f" for {missing} of the {len(rows)} comparisons"
        sentences.append(
            f"This host was not calibrated{which}: `benchlib doctor` finds the smallest difference that it can tell, "
            "for the trials that come after."
        )
    return " ".join(sentences)


def _controls(rows: pd.DataFrame) -> str:
    controls = rows[rows["control"].astype(bool) & rows["speedup_low"].notna()]
    if controls.empty:
        return ""
    widths = (controls["speedup_high"] / controls["speedup_low"]).astype(float)
    widest = controls.loc[widths.idxmax()]
    several = len(controls) > 1
    of_them = (
        f"The widest interval of the study's own {len(controls)} A/A controls"
        if several
        else "The interval of the study's own A/A control"
    )
    ends = f"{widest['speedup_low']:.3f} to {widest['speedup_high']:.3f}"
    return f"{of_them} is {ends} ({widest['model_name']})."
