"""The planted latency laws: as series, and the whole way from YAML to report."""

import itertools
from urllib.parse import quote

import numpy as np
import pytest
from benchlib_planted.laws import LAWS, series

from benchlib.measure.levels import LEVELS
from benchlib.measure.samples import Samples
from benchlib.record import scrap

pytestmark = pytest.mark.alone

BASE = 0.0005  # seconds
REPEAT = 200
STUDY = """
matrix:
  runtime_args:
    - {{seconds: {base}}}
{laws}
    - {{work: counted, loops: 50000}}
    - {{work: sleep, seconds: {base}}}
    - {{garbage: 200, seconds: {base}}}
    - {{spin: 1, seconds: {base}}}
""".format(
    base=BASE,
    laws="\n".join(f"    - {{seconds: {BASE}, law: {law}}}" for law in LAWS if law != "fixed"),
)
DEFAULTS = (
    f"model: planted/plain, exporter: planted, reference: {{exporter: planted, runtime_args: {{seconds: {BASE}}}}}, "
    f"level: quick, warmup: 5, repeat: {REPEAT}, num_cores: 1, timeout: 60"
)


def first(name, count, **numbers):
    return np.fromiter(itertools.islice(series(name, 1.0, **numbers), count), float)


@pytest.mark.parametrize("law", LAWS)
def test_the_same_seed_gives_the_same_series(law):
    assert (first(law, 500, seed=3) == first(law, 500, seed=3)).all()
    assert (first(law, 500) > 0).all()


def test_each_law_is_what_its_name_says():
    assert set(first("fixed", 100)) == {1.0}
    bimodal = first("bimodal", 10_000)
    assert set(bimodal) == {1.0, 3.0}
    assert np.mean(bimodal == 3.0) == pytest.approx(0.2, abs=0.02)
    assert first("drifting", 101, calls=100)[[0, 50, 100]].tolist() == pytest.approx([1.0, 1.05, 1.1])
    assert np.flatnonzero(first("stalling", 300, every=100) > 1).tolist() == [99, 199, 299]
    settling = first("settling", 40)
    assert settling[0] == 3.0
    assert (np.diff(settling[:31]) < 0).all()
    assert (settling[30:] == 1.0).all()
    assert np.flatnonzero(np.diff(first("levels", 650))).tolist() == [199, 399, 599]


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.95])
def test_the_autocorrelated_law_has_the_coefficient_that_was_asked_for(phi):
    x = np.log(first("autocorrelated", 20_000, phi=phi))
    assert np.corrcoef(x[:-1], x[1:])[0, 1] == pytest.approx(phi, abs=0.03)
    assert np.std(x) == pytest.approx(0.03, rel=0.2)


@pytest.fixture(scope="module", params=[3, pytest.param("auto", marks=pytest.mark.soak)])
def processes(request):
    """Of each contender: a few, and at length as many as level quick has."""
    return request.param


@pytest.fixture(scope="module")
def swept(tmp_path_factory, processes):
    """One sweep of all laws and works: (records by runtime_args, samples by the same, the study's folder)."""
    from tests.execution.conftest import Study

    study = Study(tmp_path_factory.mktemp("laws"), "")
    study.file.write_text(f"name: planted\ntitle: laws\ndefaults: {{{DEFAULTS}, processes: {processes}}}\n{STUDY}")
    study.sweep()
    found = {}
    for notebook in (study.outputs / "trials").glob("*.ipynb"):
        record = scrap.read_record(notebook)
        arguments = record.trial["runtime_args"]
        name = next((arguments[k] for k in ("law", "work") if k in arguments), None)
        name = name or next((k for k in ("garbage", "spin") if k in arguments), "fixed")
        found[name] = (record, Samples.decode(scrap.read(notebook, scrap.SAMPLES)))
    return found, study


def test_every_law_goes_the_whole_way(swept, processes):
    found, _ = swept
    wanted = LEVELS["quick"].replicates if processes == "auto" else processes
    assert set(found) == {*LAWS, "counted", "sleep", "garbage", "spin"}
    assert {name: record.status for name, (record, _) in found.items()} == dict.fromkeys(found, "ok")
    for record, samples in found.values():
        assert len(samples.counted(1)) == record.metrics["repeat"] == REPEAT * wanted


def test_no_sample_is_below_its_law_and_nothing_is_dropped(swept):
    """What a call took is at least what the law said: the n-th sample of a process against the n-th of the series. In
    the first process the calls behind the first one are no samples with which accuracy is checked, one for each set."""
    found, _ = swept
    for law in LAWS:
        record, samples = found[law]
        checked = len(record.metrics["input_seeds"].split(", ")) - 1  # the recorded inputs are those of the first call
        for replicate in samples.replicates:
            taken = np.concatenate([b.ns for b in samples.blocks if b.contender == 1 and b.replicate == replicate])
            due = np.fromiter(itertools.islice(series(law, BASE), len(taken) + checked), float) * 1e9
            due = np.delete(due, np.arange(1, 1 + checked)) if replicate == 0 else due[: len(taken)]
            assert len(taken) > REPEAT
            assert (taken >= np.floor(due)).all(), law


def test_bimodal_shows_its_second_mode_in_p90_and_keeps_its_first_as_median(swept):
    """The p90 of the samples themselves: a busy host's autocorrelation may leave too few of them for the record's."""
    record, samples = swept[0]["bimodal"]
    assert BASE <= record.metrics["time_latency"] < 2 * BASE
    p90 = np.quantile(samples.counted(1), 0.9, method="inverted_cdf")
    assert p90 >= 3 * BASE
    assert record.metrics["time_latency_p90"] in (None, pytest.approx(p90))


def test_the_report_has_a_row_for_each(swept, command):
    found, study = swept
    command("report", str(study.outputs))
    page = (study.outputs / "report.html").read_text()
    for record, _ in found.values():
        assert quote(f"trials/{record.name}.") in page
