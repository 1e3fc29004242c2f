"""Planted memory, the whole way: from the YAML over the record and the table to the report."""

import pandas as pd
import pytest
from bs4 import BeautifulSoup

pytestmark = pytest.mark.process

MB = 1 << 20
HELD, FREED = 96, 40
STUDY = f"""\
matrix: {{model: [planted/plain]}}
include:
  - {{model: planted/plain, tag: both, memory: true, energy: true,
      runtime_args: {{allocate: {HELD}.0, allocate_call: {FREED}.0}}}}
  - {{model: planted/plain, tag: dies, memory: true, warmup: 1, repeat: 3,
      runtime_args: {{seconds: 0.001, fault: exit, fault_at: 15}},
      reference: {{exporter: planted, runtime_args: {{seconds: 0.001}}}}}}
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    from tests.execution.conftest import Study

    study = Study(tmp_path_factory.mktemp("footprint"), STUDY, timeout=60)
    study.sweep()
    return study


def test_peaks_are_those_of_the_planted_allocator(swept):
    metrics = swept.records()["both"].metrics
    expected = {"session": HELD, "first": HELD + FREED, "steady": HELD + FREED, "peak": HELD + FREED,
                "load": 0, "export": 0}  # fmt: skip
    for phase, megabytes in expected.items():
        for name in (phase, f"{phase}_max"):
            assert metrics[f"memory_vmhwm_{name}"] / MB == pytest.approx(megabytes, abs=2), name
            assert metrics[f"memory_vmhwm_{name}_reference"] / MB == pytest.approx(0, abs=2), name
    assert (metrics["memory_pss_end"] - metrics["memory_pss_end_reference"]) / MB == pytest.approx(HELD, abs=2)
    assert metrics["memory_not_measured"] == ""


def test_every_process_is_in_the_record(swept):
    measured = swept.records()["both"].memory
    assert [m.label for m in measured] == ["planted", f"planted allocate={HELD}.0 allocate_call={FREED}.0"]
    for one in measured:
        assert [set(p) for p in one.sessions] == [{"baseline", "session", "first", "steady"}] * 3
        assert [set(p) for p in one.exports] == [{"baseline", "load", "export"}] * 3
        assert "MALLOC_ARENA_MAX" in one.settings and "transparent_hugepage" in one.settings


def test_who_did_not_ask_has_no_figure(swept):
    record = swept.records()[""]
    assert record.memory == [] and record.energy is None
    assert not any(name.startswith(("memory", "energy")) for name in record.metrics)
    assert record.metrics["cpu_time_per_item"] > 0


def test_a_memory_run_that_fails_leaves_the_timing_as_it_is(swept):
    record = swept.records()["dies"]
    assert record.status == "ok"
    assert record.metrics["time_latency"] > 0
    assert "exit code 3" in record.metrics["memory_not_measured"]
    assert "memory_vmhwm_peak" not in record.metrics
    assert record.metrics["memory_vmhwm_peak_reference"] > 0


def test_energy_says_whose_counter_or_why_not(swept):
    metrics = swept.records()["both"].metrics
    if metrics["energy_method"] == "none":
        assert metrics["energy_per_item"] is None and metrics["energy_not_measured"]
        assert not metrics["energy_idle_subtracted"]
    else:
        assert metrics["energy_method"] == "rapl" and metrics["energy_idle_subtracted"]


def test_the_report_shows_the_figures_of_the_table(swept, command):
    command("report", str(swept.outputs))
    table = pd.read_parquet(swept.outputs / "results.parquet")
    page = BeautifulSoup((swept.outputs / "report.html").read_text(), "html.parser")
    assert {"memory", "energy"} <= {s["id"] for s in page.select("section.text[id]")}
    shown = page.select_one('[aria-label="Memory by phase"] table')
    heads = [th.get_text(" ", strip=True) for th in shown.select("thead th")]
    rows = [[td for td in tr.select("td")] for tr in shown.select("tbody tr")]
    roles = [row[heads.index("as")].text for row in rows]
    assert roles == ["way", "reference"]
    at = next(i for i, head in enumerate(heads) if head.startswith("session"))
    assert heads[at] == "session MiB"
    own = table[table["memory_vmhwm_peak"].notna()].iloc[0]
    assert float(rows[0][at]["data-sort"]) == own["memory_vmhwm_session"]
    assert rows[0][at].text.startswith(f"{own['memory_vmhwm_session'] / MB:.1f}"[:4])
    assert float(rows[1][at]["data-sort"]) == own["memory_vmhwm_session_reference"]
    text = page.get_text()
    assert "Measured in 1 of 2 trials that asked for it" in text
    assert "exit code 3" in text
