from __future__ import annotations

import dataclasses

from bs4 import BeautifulSoup
from fake_study import EVIL, make_record, make_samples, planned, write_plan, write_trial

from benchlib.report import collate, summary, summary_html


def test_each_question_has_an_aligned_table_and_its_answer(study):
    lines = summary(collate(study)).splitlines()
    begin = lines.index("resnet18, batch 1")
    head, rule, *rows, answer, figures, blank = lines[begin + 1 : begin + 10]
    assert head.split() == ["way", "latency", "[ms]", "speedup", "verdict", "outcome"]
    assert set(rule) == {" ", "─"} and blank == ""
    places = [head.index(name) for name in ("verdict", "outcome")]
    assert all(row[place - 2 : place] == "  " and row[place] != " " for row in rows for place in places)
    assert [row.split()[0] for row in rows] == ["eager", "inductor", "script", "onnx_dynamo"]
    assert rows[-1].split() == ["onnx_dynamo", "5.61", "(5.54–5.68)", "2.21", "(2.16–2.26)", "faster", "right"]
    assert rows[0].split()[-2:] == ["reference", "right"] and "suspect: threads_mismatch" in rows[2]
    assert answer == "  fastest: onnx_dynamo; every other way is clearly slower; left out: script (suspect)"
    assert figures == "  2.21 × as fast as eager (2.16–2.26); its largest error uses 3.1 % of what is allowed"


def test_the_end_says_what_all_share_what_became_of_them_and_whether_to_believe_it(study):
    text = summary(collate(study))
    assert "\nAll with device cpu, dtype float32, level quick.\n" in text
    assert "\n28 planned = 18 ok + 1 inaccurate + 2 failed" in text and "\nleft out: notes.ipynb" in text
    assert text.splitlines()[-1] == (
        "Believe it? In part: 1 computes something else, 1 failed a check of what is possible; "
        "of 28 trials 2 failed, 1 timeout, 1 crashed, 1 oom and 2 not run; "
        "the host was quiet; all intervals are as narrow as level quick asks."
    )
    assert f"\n{EVIL}\n" in text and " failed at open" in text


def test_a_terminal_of_80_columns_holds_every_figure(study):
    lines = summary(collate(study), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines) and sum("2.21 (2.16–2.26)" in line for line in lines) == 3


def test_models_with_one_way_share_a_table(tmp_path):
    folder = tmp_path / "one"
    (folder / "trials").mkdir(parents=True)
    records = [make_record(model, "script", batch) for model in ("resnet18", EVIL) for batch in (1, 8)][:3]
    for record in records:
        write_trial(folder, record, make_samples(record))
    write_plan(folder, {"name": "one", "title": "one", "trials": [planned(record) for record in records]})
    lines = summary(collate(folder)).splitlines()
    assert lines[0].split() == ["model", "way", "batch", "latency", "[ms]", "speedup", "verdict", "outcome"]
    assert [line.split()[:3] for line in lines[2:5]] == [
        ["resnet18", "script", "1"], ["resnet18", "script", "8"], [EVIL, "script", "1"],
    ]  # fmt: skip


def test_a_notebook_gets_the_same_with_colours_and_nothing_that_runs(study):
    page = BeautifulSoup(summary_html(collate(study)), "html.parser")
    assert page.get_text().strip().splitlines()[0] == summary(collate(study)).splitlines()[0]
    assert EVIL in page.get_text() and not page.find("script")
    assert {span.text.strip() for span in page.select('span[style*="color: #008000"]')} >= {"faster", "right"}


def test_no_control_characters_reach_the_terminal(study):
    results = collate(study)
    results.answers[0] = dataclasses.replace(results.answers[0], title="evil\x1b[2J\nname")
    text = summary(results)
    assert "\x1b" not in text and "evil [2J name" in text


def test_what_was_guessed_is_told_once_for_each_model(study):
    results = collate(study)
    told = results.table["model_name"] == "resnet18"
    results.table.loc[told, "inputs_guessed"] = "k int64[3]: nothing says what it holds"
    lines = [line for line in summary(results).splitlines() if "k int64[3]" in line]
    assert lines == ["resnet18: k int64[3]: nothing says what it holds"] and told.sum() > 1
