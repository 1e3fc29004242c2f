"""Memory and energy in the report: only where some trial was asked, and then all of it."""

from bs4 import BeautifulSoup
from fake_study import make_record

from benchlib.record import Record

MIB = 1 << 20


def trial(exporter: str, asked: dict, **metrics) -> Record:
    record = make_record("resnet18", exporter)
    record.trial |= asked
    record.metrics |= metrics
    return record


def peaks(way: float, reference: float, what: str = "vmhwm_peak") -> dict:
    """Bytes from MiB; the maximum is one MiB more."""
    return {f"memory_{what}": int(way * MIB), f"memory_{what}_max": int((way + 1) * MIB),
            f"memory_{what}_reference": int(reference * MIB),
            f"memory_{what}_max_reference": int((reference + 1) * MIB)}  # fmt: skip


def test_a_study_that_asked_for_nothing_has_no_such_sections(report_on):
    report = report_on([make_record("resnet18", "script"), trial("eager", {"memory": False, "energy": False})])
    assert report.memory() is None and report.energy() is None
    assert "memory_vmhwm" not in report.definitions().text


def test_each_way_and_its_reference_have_a_row_with_median_and_maximum(report_on):
    asked = {"memory": True}
    report = report_on([
        trial("script", asked, **peaks(96, 120)),
        trial("onnx_dynamo", asked, **peaks(60, 120)),
        trial("inductor", asked, memory_not_measured="inductor: the worker <died>"),
        make_record("resnet18", "eager"),
    ])  # fmt: skip
    text = report.memory().text
    page = BeautifulSoup(text, "html.parser")
    assert "Measured in 2 of 3 trials that asked for it. The largest peak: 96.0 MiB (resnet18, script)." in page.text
    assert "between 0.500 and 0.800 times what their references take; the least of it takes onnx_dynamo" in page.text
    assert "inductor: the worker <died> (1)" in page.text and "<died>" not in text
    rows = [[td.get_text(" ", strip=True) for td in tr.select("td")] for tr in page.select("tbody tr")]
    assert [(r[1].split()[0], r[-2], r[-1]) for r in rows] == [
        ("script", "way", "96.0 max 97.0"), ("eager", "reference", "120 max 121"),
        ("onnx_dynamo", "way", "60.0 max 61.0"), ("eager", "reference", "120 max 121"),
    ]  # fmt: skip
    assert "comparable" not in page.text
    assert "memory_vmhwm_peak" in report.definitions().text


def test_figures_of_the_two_cuda_allocators_are_not_comparable(report_on):
    cuda = {"memory_cuda_allocated_peak_reference": 90 * MIB, "memory_nvml_used": 70 * MIB}
    text = report_on([trial("script", {"memory": True}, **peaks(96, 120), **cuda)]).memory().text
    assert "are not comparable" in text and "torch allocated" in text and "NVML used" in text


def test_energy_or_the_reason_why_there_is_none(report_on):
    cpu = {"cpu_time_per_item": 0.004, "cpu_time_per_item_reference": 0.008}
    watts = {"energy_per_item": 0.25, "energy_per_item_reference": 0.5, "energy_method": "rapl"}
    none = {"energy_method": "none", "energy_not_measured": "no RAPL counter"}
    report = report_on([
        trial("script", {"energy": True}, **watts, **cpu), trial("onnx_dynamo", {"energy": True}, **none, **cpu)
    ])  # fmt: skip
    page = BeautifulSoup(report.energy().text, "html.parser")
    assert "Measured in 1 of 2 trials" in page.text and "no RAPL counter (1)" in page.text
    assert "Ways take 0.500 times what their references take" in page.text
    rows = [[td.get_text(" ", strip=True) for td in tr.select("td")] for tr in page.select("tbody tr")]
    assert [r[-4:] for r in rows] == [
        ["way", "0.250", "rapl", "4.00"], ["reference", "0.500", "rapl", "8.00"],
        ["way", "–", "none", "4.00"], ["reference", "–", "none", "8.00"],
    ]  # fmt: skip
