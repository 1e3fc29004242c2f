from __future__ import annotations

from fake_study import EVIL

from benchlib.report import collate, summary


def test_one_aligned_line_for_each_trial_and_the_counts(study):
    lines = summary(collate(study)).splitlines()
    body = lines[2:30]
    assert lines[0].split()[:3] == ["model", "way", "batch"] and "latency [ms]" in lines[0]
    end = lines[0].index("status")
    assert all(line[end - 2 : end] == "  " and line[end] != " " for line in body)
    assert "28 planned = 18 ok + 1 inaccurate + 2 failed" in lines[31]
    assert any(line.startswith("left out: notes.ipynb") for line in lines)
    row = next(line for line in body if "resnet18" in line and "onnx_dynamo" in line)
    assert "5.61 (5.54–5.68)" in row and "2.21 (2.16–2.26)" in row and row.endswith("faster        ok")
    assert any("failed at export" in line for line in body) and any(line.startswith(EVIL) for line in body)


def test_no_control_characters_reach_the_terminal(study):
    results = collate(study)
    results.table.loc[0, "model_name"] = "evil\x1b[2J\nname"
    text = summary(results)
    assert "\x1b" not in text and "evil [2J name" in text


def test_what_was_guessed_is_told_once_for_each_model(study):
    results = collate(study)
    told = results.table["model_name"] == "resnet18"
    results.table.loc[told, "inputs_guessed"] = "k int64[3]: nothing says what it holds"
    lines = [line for line in summary(results).splitlines() if "k int64[3]" in line]
    assert lines == ["resnet18: k int64[3]: nothing says what it holds"] and told.sum() > 1
