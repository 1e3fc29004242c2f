"""What a study may claim: the correction over its comparisons, and what the host can tell."""

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from fake_study import UNSURE, make_record

from benchlib.measure.multiplicity import benjamini_hochberg
from benchlib.report import discoveries, tables
from benchlib.report.collate import collate, read


@pytest.fixture
def table(study):
    return read(study).table


def row_of(table, model, exporter, batch):
    name = make_record(model, exporter, batch).name
    return table.set_index("name").loc[name]


def test_q_values_are_over_all_comparisons_but_controls_and_suspect_ones(table):
    compared = table[table["p_value"].notna() & ~table["control"] & table["suspect"].isna()]
    wanted = benjamini_hochberg(compared["p_value"].to_numpy())
    assert compared["q_value"].to_numpy() == pytest.approx(wanted)
    assert table["q_value"].notna().sum() == len(compared) < table["p_value"].notna().sum()


def test_an_interval_that_excludes_1_may_be_chance_among_many(table):
    row = row_of(table, *UNSURE)
    assert row["p_value"] < 0.05 < row["q_value"]
    assert row["verdict"] == "faster"
    assert not discoveries.stands(row)
    assert discoveries.stands(row_of(table, "resnet18", "onnx_dynamo", 1))


def test_the_counts_in_words(table):
    made = int((table["p_value"].notna() & ~table["control"] & table["suspect"].isna()).sum())
    decided = table["verdict"].isin(["faster", "slower"]) & ~table["control"]
    text = discoveries.in_words(table)
    assert text == (
        f"{made} comparisons were made; of the {decided.sum()} verdicts of faster or slower, {decided.sum() - 1} stand "
        "at a false discovery rate of 5 %, † marks the others."
    )
    alone = table[decided & (table["q_value"] < 0.05)]
    assert ", all stand at a false discovery rate of 5 %." in discoveries.in_words(alone)
    assert discoveries.in_words(table[table["control"]]) == ""


def test_the_verdict_that_does_not_stand_is_marked_and_says_why(table):
    soup = BeautifulSoup(tables.main_table(table), "html.parser")
    marks = [s for s in soup.select("tbody span") if s.text == "†"]
    assert len(marks) == 1
    assert "false discovery rate above 5 %" in marks[0]["title"]
    cells = [td.text for td in marks[0].find_parent("tr").select("td")]
    assert cells[0] == "resnet18"
    assert cells[1].startswith("inductor")


def test_the_q_value_is_in_the_tables_that_are_written(study):
    collate(study)
    stored = pd.read_csv(study / "results.csv")
    assert stored["q_value"].notna().sum() > 5


def test_what_the_host_can_tell_is_taken_from_the_records(table):
    text = discoveries.told_apart(table)
    assert text.startswith(
        "On this host a difference of 12 % is found in at least four of five trials at level quick, and no verdict "
        "claims one under 10 % (A/A calibration of 2026-11-19, 20 pairs)."
    )
    assert "not calibrated" not in text
    controls = table[table["control"]]
    widest = controls.loc[(controls["speedup_high"] / controls["speedup_low"]).astype(float).idxmax()]
    assert f"{widest['speedup_low']:.3f} to {widest['speedup_high']:.3f}" in text


def test_the_smallest_effect_of_an_earlier_version_is_the_floor_of_its_verdicts(table):
    text = discoveries.told_apart(table.drop(columns="verdict_floor").assign(smallest_effect=0.042))
    assert text.startswith("No verdict at level quick claims a difference under 10 % on this host (A/A calibration")
    assert "four of five" not in text


def test_a_host_that_was_not_calibrated_is_told_how(table):
    table["smallest_effect"] = pd.NA
    text = discoveries.told_apart(table)
    assert text.startswith("This host was not calibrated: `benchlib doctor` finds the smallest difference")
    assert "four of five" not in text


def test_a_study_of_before_and_after_the_calibration_says_both(table):
    compared = table.index[table["p_value"].notna()]
    table.loc[compared[:3], "smallest_effect"] = pd.NA
    text = discoveries.told_apart(table)
    assert "claims one under 10 %" in text
    assert f"not calibrated for 3 of the {len(compared)} comparisons" in text


def test_nothing_compared_nothing_said(table):
    assert discoveries.told_apart(table[table["p_value"].isna()]) == ""
    assert discoveries.in_words(table[table["p_value"].isna()]) == ""
