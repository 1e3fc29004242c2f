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
