"""Wrong exports and wrong engines, the whole way from YAML: each is found out, and none is called right or fastest.

Right ones, whose outputs only look odd, pass; and what cannot be compared says why. Some of each kind go that way
whenever the tests run, the others of `AT_LENGTH` in `make soak`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
SPOILT = [f"{kind} {name}" for kind, names in KINDS.items() for name in names]
FIRST = [f"{kind} {KINDS[kind][0]}" for kind in ("constant", "noise", "scaled", "one_item", "ties", "not_a_number")]
# kind of what is planted -> those of it that wait for `make soak`.
AT_LENGTH = {
    "frozen": {*FROZEN} - {"BranchOnSum", "SkippedMask", "LengthByMask", "NoPadding"},
    "exported": {"WhileCompiled", "UnpaddedWhileTraced"},
    "healthy": {*HEALTHY} - {"MaskedLogits", "OneHot", "LooksAtShapes"},
    "no function": {"AddsNoise", "KeepsSamples"},
    "engine": {*SPOILT} - {*FIRST} | {f"right {name}" for name in ENDINGS[2:]},
    "few bits": {f"{kind} {bits}" for kind in QUANTISED[1:] for bits in ("int8-dynamic", "int4-weights")},
    "later": {"WrongBySet", "KeepsTheFirst", "WrongEverySecond"},
}


def marked(kind: str, names: Iterable[str]) -> list:
    """Parameters of a test, of which those wait for `make soak` that are said to."""
    waits = AT_LENGTH[kind]
    return [pytest.param(name, marks=pytest.mark.soak if name in waits else ()) for name in names]


def planted(at_length: bool) -> Iterator[str]:
    """The lines of a study of what is planted, the tag of a trial being what that is."""
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
    # Without VNNI products of eight bits saturate, and what eight bits compute here is wrong indeed.
    seven = "" if "vnni" in Path("/proc/cpuinfo").read_text() else ", pass_args: {int8-dynamic: {reduce_range: true}}"
    passes = {"int8-dynamic": f"opt_patterns: int8-dynamic{seven}", "int4-weights": "opt_patterns: int4-weights"}
    wrong["few bits"] = [
        (f"{kind} {bits}", endings["Logits"], f"{engine}, runtime_args: {{kind: {kind}}}, {passes[bits]}")
        for bits in ("int8-dynamic", "int4-weights")
        for kind in ("right", *QUANTISED)
    ]
    wrong["later"] = [
        (name, endings["Logits"], f"exporter: script, runtime: '{ENGINES}:{name}', reference: eager, level: smoke")
        for name in LATER
    ]
    for kind, rows in wrong.items():
        for name, model, parameters in rows:
            if (name in AT_LENGTH[kind]) == at_length:
                yield f"  - {{model: '{model}', tag: '{kind}: {name}', {parameters}}}"


def models(script: str, names: tuple[str, ...] | dict[str, tuple[str, str]]) -> dict[str, str]:
    """The models of a planted script, in the order in which it calls them."""
    return dict(zip(names, selections.picked(make({"model": str(SCRIPTS / f"{script}.py")})), strict=True))


@pytest.fixture(scope="module")
def record_of(tmp_path_factory) -> Callable[[str, str], Record]:
    """The record of what was planted, by its kind and its name; each of the two studies is swept when it is asked."""
    swept: dict[bool, dict[str, Record]] = {}

    def found(kind: str, name: str) -> Record:
        at_length = name in AT_LENGTH[kind]
        if at_length not in swept:
            text = "\n".join(["include:", *planted(at_length)]) + "\n"
            study = Study(tmp_path_factory.mktemp("wrong"), text, timeout=60)
            study.sweep()
            swept[at_length] = study.records()
        return swept[at_length][f"{kind}: {name}"]

    return found


@pytest.mark.parametrize("name", marked("frozen", FROZEN))
def test_a_trace_that_froze_a_decision_is_not_called_right(record_of, name):
    record = record_of("frozen", name)
    assert record.status in ("inaccurate", "unverified"), record.metrics.get("decisions")
    assert record.reason


@pytest.mark.parametrize("name", marked("frozen", SHORTER))
def test_a_shorter_way_that_was_kept_is_wrong_at_an_edge_and_its_line_is_named(record_of, name):
    record = record_of("frozen", name)
    assert record.status == "inaccurate"
    assert "right for the recorded inputs alone; for input set" in record.reason
    assert "the export kept what was decided for the recorded input at " in record.reason
    assert "frozen.py:" in record.reason


@pytest.mark.parametrize("name", marked("exported", EXPORTED))
def test_a_model_that_is_another_one_while_it_is_exported_is_wrong(record_of, name):
    record = record_of("exported", name)
    assert record.status == "inaccurate", record.reason


@pytest.mark.parametrize("name", marked("healthy", HEALTHY))
def test_what_only_looks_odd_is_right(record_of, name):
    record = record_of("healthy", name)
    assert record.status == "ok", record.reason


@pytest.mark.parametrize("name", marked("no function", NO_FUNCTIONS))
def test_what_is_no_function_says_so(record_of, name):
    record, (status, word) = record_of("no function", name), NO_FUNCTIONS[name]
    assert (record.status, word in record.reason) == (status, True), record.reason
    assert record.metrics["time_latency"] > 0


@pytest.mark.parametrize("name", marked("engine", [f"right {name}" for name in ENDINGS]))
def test_an_engine_that_spoils_nothing_is_right(record_of, name):
    record = record_of("engine", name)
    assert record.status == "ok", record.reason


@pytest.mark.parametrize("name", marked("engine", SPOILT))
def test_an_engine_that_spoils_outputs_is_wrong(record_of, name):
    record = record_of("engine", name)
    assert record.status == "inaccurate" and record.reason.startswith("output 0"), record.reason


@pytest.mark.parametrize("bits", ["int8-dynamic", "int4-weights"])
def test_few_bits_alone_are_right(record_of, bits):
    record = record_of("few bits", f"right {bits}")
    assert record.status == "ok", record.reason


FEW = [f"{kind} {bits}" for bits in ("int8-dynamic", "int4-weights") for kind in QUANTISED]


@pytest.mark.parametrize("name", marked("few bits", FEW))
def test_few_bits_excuse_no_wrong_answer(record_of, name):
    record = record_of("few bits", name)
    assert record.status == "inaccurate", record.reason


@pytest.mark.parametrize("name", marked("later", LATER))
def test_an_engine_that_is_wrong_at_some_timed_calls_is_found_out(record_of, name):
    record = record_of("later", name)
    assert record.status == "inaccurate", record.reason
    assert not {"speedup", "verdict"} & set(record.metrics)
