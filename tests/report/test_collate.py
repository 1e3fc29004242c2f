from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from fake_study import EVIL, make_record, make_samples, planned, write_plan, write_trial
from ruamel.yaml import YAML

from benchlib.errors import UserError
from benchlib.record import NOT_RUN, STATUSES
from benchlib.record.metrics import METRICS
from benchlib.report import collate
from benchlib.report.collate import StoredPlan, read
from benchlib.report.findings import scope
from benchlib.trial import Trial


def test_every_planned_trial_is_a_row_and_the_counts_add_up(study):
    results = collate(study)
    counts = results.counts()
    assert len(results.table) == 28 == sum(counts.values())
    assert list(counts) == [*STATUSES, NOT_RUN]
    assert counts == {"ok": 18, "unverified": 0, "inaccurate": 1, "failed": 2, "timeout": 1, "crashed": 1, "oom": 1,
                      "refused": 1, "skipped": 1, "not run": 2}  # fmt: skip
    assert results.table["name"].is_unique


def test_the_table_holds_what_the_records_say(study):
    table = collate(study).table.set_index("name")
    record = make_record("BertForMaskedLM", "onnx_dynamo", 1)
    row = table.loc[record.name]
    for name in ("time_latency", "speedup", "speedup_low", "break_even", "time_export", "discrepancies_abs"):
        assert row[name] == record.metrics[name], name
    assert (row["status"], row["batch_size"], row["way"]) == ("ok", 1, "onnx_dynamo")
    assert row["reproduce"] == record.reproduce
    assert row["asked_repeat"] == "auto" and row["repeat"] == 300
    failed = table.loc[make_record("BertForMaskedLM", "inductor", 1).name]
    assert (failed["stage"], failed["error_type"], failed["error_cluster"]) == (
        "export",
        "RuntimeError",
        "RuntimeError",
    )
    assert failed["exporter"] == "inductor" and pd.isna(failed["speedup"])


def test_a_trial_that_never_ran_is_known_from_its_plan(study):
    table = collate(study).table.set_index("name")
    missing = table.loc[make_record("all-MiniLM-L6-v2", "inductor", 8).name]
    broken = table.loc[make_record("all-MiniLM-L6-v2", "script", 8).name]
    assert missing["status"] == broken["status"] == NOT_RUN
    assert (missing["model_name"], missing["way"], missing["batch_size"]) == ("all-MiniLM-L6-v2", "inductor", 8)
    assert missing["reason"] != broken["reason"]
    assert pd.isna(missing["notebook"]) and pd.isna(broken["notebook"])


def test_of_one_call_nothing_counts_but_what_ran_in_it(study):
    """However much the folder holds of other calls, a run-off that was not asked for among it."""
    record = make_record("BertForMaskedLM", "script", 1)
    (study / "runoff").mkdir()
    write_trial(study, record, stem="pair").rename(study / "runoff" / "pair.ipynb")
    whole = read(study)
    one, other = (make_record("BertForMaskedLM", exporter, 1).key for exporter in ("onnx_dynamo", "eager"))
    plan = YAML(typ="safe").load(study / "study.yaml")
    trials = [entry for entry in plan["trials"] if entry["key"] in (one, other)]

    results = read(study, StoredPlan.of({**plan, "runoff": False, "trials": trials}, study.name), {one})
    table = results.table.set_index("key")
    assert (len(table), table.loc[one, "status"], table.loc[other, "status"]) == (2, "ok", NOT_RUN)
    assert table.loc[other, "reason"] == "it did not run in this call"
    assert not any("belong" in line for line in results.left_out)
    assert (len(whole.runoff), len(results.runoff)) == (1, 0)
    assert len(read(study, StoredPlan.of({**plan, "runoff": True}, study.name), {one}).runoff) == 1


def test_what_plug_ins_say_besides_metrics_is_a_column(tmp_path):
    record = replace(make_record("resnet18", "onnx_dynamo"), details={"color": "green", "verdict": "mine"})
    (tmp_path / "trials").mkdir()
    write_trial(tmp_path, record, make_samples(record))
    write_plan(tmp_path, {"name": "s", "title": "s", "trials": [planned(record)]})
    (row,) = read(tmp_path).table.to_dict("records")
    assert row["color"] == "green" and row["verdict"] == record.metrics["verdict"]


def test_controls_are_told_from_other_trials(study):
    table = collate(study).table
    assert set(table.loc[table["control"], "exporter"]) == {"eager"}
    assert table["control"].sum() == 7


def test_notebooks_without_a_record_are_named(study):
    broken, foreign = collate(study).left_out
    assert broken.startswith(make_record("all-MiniLM-L6-v2", "script", 8).name)
    assert foreign.startswith("notes.ipynb")


def test_copies_and_strangers_do_not_become_rows(study):
    record = make_record("resnet18", "eager", 1)
    shutil.copy(study / "trials" / f"{record.name}.ipynb", study / "trials" / "a-copy.ipynb")
    write_trial(study, replace(record, key="f" * 64), stem="stranger")
    write_trial(study, replace(record, status="splendid"), stem="another-kind")
    results = collate(study)
    assert len(results.table) == 28
    row = results.table.set_index("name").loc[record.name]
    assert row["notebook"] == f"trials/{record.name}.ipynb"
    left_out = {line.partition(": ")[0]: line.partition(": ")[2] for line in results.left_out}
    assert left_out["a-copy.ipynb"] == f"a second notebook of the trial in {record.name}.ipynb"
    assert left_out["stranger.ipynb"] == "belongs to no planned trial"
    assert left_out["another-kind.ipynb"] == "its record is of another kind"


def test_the_strangers_of_many_earlier_plans_are_one_line(study):
    for i in range(5):
        write_trial(study, replace(make_record("resnet18", "eager", 1), key=f"{i}" * 64), stem=f"stranger-{i}")
    assert "stranger-0.ipynb and 4 more: belong to no planned trial" in collate(study).left_out


def test_what_has_not_run_is_of_the_same_model_as_what_has(tmp_path):
    (tmp_path / "trials").mkdir()
    entries = [{"model": "explicit/mlp", "exporter": way} for way in ("eager", "script")]
    plan = [{"name": f"n{i}", "key": f"k{i}", **entry} for i, entry in enumerate(entries)]
    ran = Trial(**entries[0]).model_dump(mode="json")
    write_plan(tmp_path, {"name": "s", "trials": plan})
    write_trial(tmp_path, replace(make_record("resnet18", "eager", 1), trial=ran, key="k0", name="n0"))
    table = read(tmp_path).table
    assert list(table["status"]) == ["ok", "not run"] and scope(table).startswith("1 model, 2 ways")
    assert (table.loc[1, "batch_size"], table.loc[1, "level"]) == (1, ran["level"])


def test_parquet_and_csv_are_written_whole_and_typed(study):
    table = collate(study).table
    stored = pd.read_parquet(study / "results.parquet")
    assert list(stored.columns) == list(table.columns) and set(METRICS) <= set(stored.columns)
    assert stored["break_even"].max() == float("inf")  # the record says the text "inf"
    assert pd.api.types.is_integer_dtype(stored["params_size"])
    assert len(pd.read_csv(study / "results.csv")) == len(table)
    assert not [p for p in study.iterdir() if p.name.startswith(".")]


def test_a_label_that_looks_like_a_number_stays_a_text(tmp_path):
    record = make_record("resnet18", "eager", 1)
    record.trial["label"] = record.metrics["model_name"] = "inf"
    (tmp_path / "s" / "trials").mkdir(parents=True)
    write_trial(tmp_path / "s", record, make_samples(record))
    write_plan(tmp_path / "s", {"name": "s", "trials": [planned(record)]})
    assert read(tmp_path / "s").table.loc[0, "model_name"] == "inf"


@pytest.mark.parametrize("text", [None, "[not: yaml", "name: x\ntrials: []\n", "name: x\ntrials: [3]\n"])
def test_a_folder_that_is_no_study_is_refused_in_one_line(tmp_path: Path, text):
    if text is not None:
        (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        collate(tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_hostile_names_are_kept_as_they_are(study):
    assert EVIL in set(collate(study).table["model_name"])


def test_the_way_of_what_has_not_run_is_called_as_it_would_be(tmp_path):
    (tmp_path / "trials").mkdir()
    asked = {"model": "explicit/mlp", "exporter": "script"}
    entries = [asked | {"rtopt": "off", "dynamic": True}, asked | {"exporter": "of another version"}]
    plan = [{"name": f"n{i}", "key": f"k{i}", **entry} for i, entry in enumerate(entries)]
    write_plan(tmp_path, {"name": "s", "trials": plan})
    assert list(read(tmp_path).table["way"]) == ["script dynamic rtopt=off", "of another version"]


def test_the_way_of_what_was_refused_is_that_of_its_record(tmp_path):
    (tmp_path / "trials").mkdir()
    record = make_record(EVIL, "inductor", 1)
    record.metrics["_index"] = f"{EVIL}-inductor+some"  # as `stages.blank.identity_metrics` writes it
    write_trial(tmp_path, record)
    write_plan(tmp_path, {"name": "s", "trials": [planned(record) | record.trial]})
    assert list(read(tmp_path).table["way"]) == ["inductor+some"]


def test_the_record_is_kept_beside_the_row(tmp_path):
    (tmp_path / "trials").mkdir()
    record = replace(make_record("resnet18", "script"), operators={"Conv": 20})
    write_trial(tmp_path, record)
    write_plan(tmp_path, {"name": "s", "trials": [planned(record) | record.trial]})
    results = read(tmp_path)
    assert results.records == {record.key: record}
    assert results.record_of(results.table.iloc[0]) == record and results.record_of({"key": "k"}) is None
