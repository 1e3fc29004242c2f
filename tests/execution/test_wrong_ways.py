"""Wrong exports and wrong engines, the whole way from YAML: each is found out, and none is called right or fastest.

Right ones, whose outputs only look odd, pass; and what cannot be compared says why.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchlib.mistakes import make
from benchlib.plan import selections
from benchlib.record import Record
from tests.execution.conftest import Study

pytestmark = [pytest.mark.process, pytest.mark.timeout(1200)]

PLANTED = Path(__file__).parents[1] / "planted"
SCRIPTS, ENGINES = PLANTED / "scripts", PLANTED / "engines.py"
# What an engine does to the outputs -> the endings at which it is wrong: others it would leave as they are.
KINDS = {
    "constant": ("Logits", "OneNumber"),
    "noise": ("Masked",),
    "scaled": ("BoxesAndScores", "FeatureMap"),
    "negated": ("Tiny",),
    "shuffled": ("Masked", "FeatureMap"),
    "one_item": ("Probabilities", "OneNumber"),
    "items_swapped": ("Tiny",),
    "one_channel": ("BoxesAndScores", "Masked"),
    "channels_swapped": ("Logits", "FeatureMap"),
    "ties": ("Probabilities",),
    "one_element": ("Logits",),
    "not_a_number": ("Logits",),
}
QUANTISED = ("noise", "one_item", "ties")  # at Logits, in 8 and in 4 bits
LATER = ("WrongLater", "WrongBySet", "KeepsByAddress", "KeepsTheFirst", "WrongEverySecond")


FROZEN = (
    "BranchOnSum", "FrozenScale", "FrozenMoments", "FrozenStep", "FrozenTimestep", "SkippedMask", "ClassesByMaximum",
    "LengthByMask", "EightBitImage", "Loudness", "CountedItems", "NoPadding", "NoInfinity", "EarlyStep",
)  # fmt: skip
SHORTER = ("NoPadding", "NoInfinity")  # right but for inputs at an edge
EXPORTED = {  # what watches -> who exports
    "InOnnxExport": "script", "WhileTraced": "jit", "WhileCompiled": "export", "WhileExported": "onnx_dynamo",
    "UnpaddedWhileTraced": "script",
}  # fmt: skip
ENDINGS = ("Logits", "Probabilities", "Masked", "Tiny", "BoxesAndScores", "FeatureMap", "OneNumber")
HEALTHY = ("OneNumber", "UniformSoftmax", "OneHot", "AllZeros", "MaskedLogits", "BoxesAndScores", "LooksAtShapes")
NO_FUNCTIONS = {  # what they end as, and what is said
    "DropsOut": ("unverified", "random"),
    "AddsNoise": ("unverified", "random"),
    "CountsCalls": ("inaccurate", "attribute `calls`"),
    "NotANumber": ("unverified", "NaN"),
    "WritesIntoItsInput": ("ok", ""),
    "KeepsSamples": ("inaccurate", "buffer `last`"),
}
CHECKED = "exporter: script, until: check, reference: none"


def planted_study() -> str:
    """Every planted trial, its tag being what was planted."""
    wrong = {
        "frozen": [(name, model, CHECKED) for name, model in models("frozen", FROZEN).items()],
        "exported": [
            (name, model, f"exporter: {EXPORTED[name]}, until: check, reference: none")
            for name, model in models("exported", tuple(EXPORTED)).items()
        ],
        "healthy": [(name, model, CHECKED) for name, model in models("healthy", HEALTHY).items()],
        "no function": [
            (name, model, "exporter: script, reference: none")
            for name, model in models("no_functions", NO_FUNCTIONS).items()
        ],
    }
    endings, engine = (
        models("endings", ENDINGS),
        f"exporter: script, runtime: '{ENGINES}:Wrong', until: check, reference: none",
    )
    wrong["engine"] = [
        (f"{kind} {name}", endings[name], f"{engine}, runtime_args: {{kind: {kind}}}")
        for kind, names in {"right": ENDINGS, **KINDS}.items()
        for name in names
    ]
    wrong["few bits"] = [
        (f"{kind} {bits}", endings["Logits"], f"{engine}, runtime_args: {{kind: {kind}}}, opt_patterns: {bits}")
        for bits in ("int8-dynamic", "int4-weights")
        for kind in ("right", *QUANTISED)
    ]
    wrong["later"] = [
        (name, endings["Logits"], f"exporter: script, runtime: '{ENGINES}:{name}', reference: eager, level: smoke")
        for name in LATER
    ]
    lines = [
        f"  - {{model: '{model}', tag: '{kind}: {name}', {parameters}}}"
        for kind, rows in wrong.items()
        for name, model, parameters in rows
    ]
    return "include:\n" + "\n".join(lines) + "\n"


def models(script: str, names: tuple[str, ...] | dict[str, tuple[str, str]]) -> dict[str, str]:
    """The models of a planted script, in the order in which it calls them."""
    return dict(zip(names, selections.picked(make({"model": str(SCRIPTS / f"{script}.py")})), strict=True))


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> dict[str, Record]:
    study = Study(tmp_path_factory.mktemp("wrong"), planted_study(), timeout=60)
    study.sweep()
    return study.records()


@pytest.mark.parametrize("name", FROZEN)
def test_a_trace_that_froze_a_decision_is_not_called_right(records, name):
    record = records[f"frozen: {name}"]
    assert record.status in ("inaccurate", "unverified"), record.metrics.get("decisions")
    assert record.reason


@pytest.mark.parametrize("name", SHORTER)
def test_a_shorter_way_that_was_kept_is_wrong_at_an_edge_and_its_line_is_named(records, name):
    record = records[f"frozen: {name}"]
    assert record.status == "inaccurate"
    assert "right for the recorded inputs alone; for input set" in record.reason
    assert "the export kept what was decided for the recorded input at " in record.reason
    assert "frozen.py:" in record.reason


@pytest.mark.parametrize("name", EXPORTED)
def test_a_model_that_is_another_one_while_it_is_exported_is_wrong(records, name):
    record = records[f"exported: {name}"]
    assert record.status == "inaccurate", record.reason


@pytest.mark.parametrize("name", HEALTHY)
def test_what_only_looks_odd_is_right(records, name):
    record = records[f"healthy: {name}"]
    assert record.status == "ok", record.reason


@pytest.mark.parametrize("name", NO_FUNCTIONS)
def test_what_is_no_function_says_so(records, name):
    record, (status, word) = records[f"no function: {name}"], NO_FUNCTIONS[name]
    assert (record.status, word in record.reason) == (status, True), record.reason
    assert record.metrics["time_latency"] > 0


@pytest.mark.parametrize("name", ENDINGS)
def test_an_engine_that_spoils_nothing_is_right(records, name):
    record = records[f"engine: right {name}"]
    assert record.status == "ok", record.reason


@pytest.mark.parametrize("kind, name", [(kind, name) for kind, names in KINDS.items() for name in names])
def test_an_engine_that_spoils_outputs_is_wrong(records, kind, name):
    record = records[f"engine: {kind} {name}"]
    assert record.status == "inaccurate" and record.reason.startswith("output 0"), record.reason


@pytest.mark.parametrize("bits", ["int8-dynamic", "int4-weights"])
def test_few_bits_alone_are_right(records, bits):
    assert records[f"few bits: right {bits}"].status == "ok", records[f"few bits: right {bits}"].reason


@pytest.mark.parametrize("bits", ["int8-dynamic", "int4-weights"])
@pytest.mark.parametrize("kind", QUANTISED)
def test_few_bits_excuse_no_wrong_answer(records, kind, bits):
    record = records[f"few bits: {kind} {bits}"]
    assert record.status == "inaccurate", record.reason


@pytest.mark.parametrize("name", LATER)
def test_an_engine_that_is_wrong_at_some_timed_calls_is_found_out(records, name):
    record = records[f"later: {name}"]
    assert record.status == "inaccurate", record.reason
    assert not {"speedup", "verdict"} & set(record.metrics)
