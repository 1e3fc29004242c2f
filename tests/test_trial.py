import json
from pathlib import Path

import numpy as np
import pytest

from benchlib import trial as trials
from benchlib import trial_key
from benchlib.errors import UserError
from benchlib.mistakes import make, problems
from benchlib.trial import Trial
from benchlib.trial_groups import GROUPS, choices_of, type_of
from tests import pages

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "trial.ipynb"


def test_the_notebooks_parameters_are_those_of_a_trial():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    source = next("".join(c["source"]) for c in cells if "parameters" in c["metadata"].get("tags", []))
    space: dict = {}
    exec(source, space)
    found = {name: space[name] for name in space if not name.startswith("__")}
    assert list(found) == [name for names in GROUPS.values() for name in names]
    assert set(found) == set(Trial.model_fields) and source == pages.parameters_cell(), "run `make pages`"
    assert {n: v for n, v in found.items() if n != "model"} == {
        n: trials.default_of(n) for n in Trial.model_fields if n != "model"
    }


def test_papermill_understands_every_parameter_of_the_notebook():
    import papermill

    found = papermill.inspect_notebook(str(NOTEBOOK))
    assert set(found) == set(Trial.model_fields)
    assert all(entry["help"] for entry in found.values())


def test_a_parameter_tells_its_type_and_its_few_words():
    kinds = {"model": "str", "seq_length": '"Optional[int]"', "batch_size": '"Union[int, str]"', "level": "str",
             "timeout": "float", "shapes": '"Union[dict, list, None]"', "reference": '"Union[str, dict]"',
             "duration": '"Union[str, float]"', "gc": "bool"}  # fmt: skip
    assert {name: type_of(name) for name in kinds} == kinds
    assert (
        choices_of("level") == ["smoke", "quick", "precise"] and choices_of("batch_size") == choices_of("model") == []
    )


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"exportr": "script"}, "did you mean 'exporter'"),
        ({"exporter": "onnx_dinamo"}, "did you mean 'onnx_dynamo'"),
        ({"batch_size": "four"}, "batch_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"dtype": "float23"}, "did you mean 'float32'"),
        ({"device": "gpu"}, "cpu, cuda, cuda:N"),
        ({"reference": "eagr"}, "did you mean 'eager'"),
        ({"reference": {"exporter": "script", "rtop": "off"}}, "did you mean 'rtopt'"),
        ({"exporter": "planted", "exporter_args": {"fult": "raise"}}, "did you mean 'fault'"),
        ({"exporter": "planted", "exporter_args": {"version": "one"}}, "not a whole number"),
        ({"level": "fast"}, "smoke, quick, precise"),
        ({"timeout": -1}, "timeout"),
        ({"shapes": [[1, 2], ["a"]]}, "lists of whole numbers"),
        ({"opt_patterns": "defualt"}, "unknown pass 'defualt'; did you mean 'default'?"),
        ({"provider": "CUDAExecutionProvder"}, "did you mean 'CUDAExecutionProvider'"),
        ({"tolerance": {"rtoll": 1, "reason": "x"}}, "tolerance: unknown option 'rtoll'; did you mean 'rtol'"),
        ({"tolerance": {"rtol": 0, "reason": "x"}}, "tolerance: rtol: 0 is not a number above 0"),
        ({"tolerance": {"atol": "1e-3", "reason": "x"}}, "tolerance: atol: '1e-3' is not a number above 0"),
        ({"tolerance": {"rtol": True, "reason": "x"}}, "tolerance: rtol: True is not a number above 0"),
        ({"tolerance": {"rtol": float("nan"), "reason": "x"}}, "tolerance: rtol: nan is not a number above 0"),
        ({"tolerance": {"rtol": 1e-3}}, "tolerance: reason is missing"),
        ({"tolerance": {"rtol": 1e-3, "reason": " "}}, "tolerance: reason is missing"),
        ({"tolerance": {"reason": "x"}}, "tolerance: neither rtol nor atol is given"),
        ({"tolerance": 1e-3}, "tolerance: "),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(values, wanted):
    found = problems({"model": "planted/plain", **values})
    assert len(found) == 1
    assert wanted in found[0][1]
    with pytest.raises(UserError):
        make({"model": "planted/plain", **values})


def test_a_model_is_needed():
    assert problems({}) == [("model", "model is missing")]


def test_the_key_is_what_was_asked_without_label_tag_and_timeout():
    base = {"model": "planted/plain", "exporter": "planted"}
    key = Trial(**base).key()
    assert Trial(**base, label="x", tag="y", timeout=5).key() == key
    assert Trial(**base, batch_size=2).key() != key
    assert Trial(**base, seed=1).key() != key
    assert Trial(**{**base, "model": "planted/other"}).key() != key


def test_the_key_is_longer_than_one_of_the_earlier_rule():
    assert not trial_key.is_of_earlier_rule(Trial(model="planted/plain").key())
    assert trial_key.is_of_earlier_rule("0123456789abcdef")


def test_no_value_that_a_parameter_was_born_with_changes():
    """To add a parameter add the same line here and in `benchlib.trial_key`; no line is changed or removed, also when a
    default changes: keys of trials that have run would change."""
    assert dict(trial_key.BORN_WITH) == {
        "device": "cpu",
        "dtype": "float32",
        "batch_size": 1,
        "seq_length": None,
        "max_audio_seq_length": None,
        "height": None,
        "width": None,
        "num_channels": None,
        "k": None,
        "alpha": None,
        "in_channels": None,
        "out_channels": None,
        "num_layers": None,
        "shapes": None,
        "inputs": None,
        "model_args": {},
        "script_args": "",
        "max_depth": 0,
        "attn_implementation": None,
        "with_loss": False,
        "exporter": "onnx_dynamo",
        "target_opset": None,
        "exporter_args": {},
        "dynamic": False,
        "opt_patterns": "",
        "pass_args": {},
        "sequence": None,
        "runtime": "",
        "provider": "",
        "rtopt": "all",
        "runtime_args": {},
        "io": "host",
        "cuda_graphs": False,
        "num_cores": None,
        "level": "quick",
        "until": "measure",
        "processes": "auto",
        "warmup": "auto",
        "warmup_time": "auto",
        "repeat": "auto",
        "duration": "auto",
        "gc": False,
        "reference": "eager",
        "tolerance": None,
        "memory": False,
        "energy": False,
        "profile": False,
        "seed": 0,
    }


def test_every_parameter_has_the_value_that_it_was_born_with():
    assert set(Trial.model_fields) <= {"model", *trial_key.NOT_IN_KEY, *trial_key.BORN_WITH}
    assert not set(trial_key.NOT_IN_KEY) & set(trial_key.BORN_WITH)


def test_a_new_parameter_changes_no_key(monkeypatch):
    class Later(Trial):
        quietly: bool = False

    monkeypatch.setattr(trial_key, "BORN_WITH", {**trial_key.BORN_WITH, "quietly": False})
    base = {"model": "planted/plain", "exporter": "planted", "batch_size": 4}
    assert Later(**base).key() == Later(**base, quietly=False).key() == Trial(**base).key()
    assert Later(**base, quietly=True).key() != Trial(**base).key()


def test_a_changed_default_changes_the_keys_of_those_that_relied_on_it():
    class Later(Trial):
        seed: int = 7

    base = {"model": "planted/plain", "exporter": "planted"}
    assert Later(**base).key() == Trial(**base, seed=7).key() != Trial(**base).key()
    assert Later(**base, seed=0).key() == Trial(**base).key()
    assert Later(**base, seed=3).key() == Trial(**base, seed=3).key()


def test_a_value_is_not_taken_for_another_that_python_calls_equal():
    asked = trial_key.asked_of({"seed": False, "gc": 0, "batch_size": True, "memory": False})
    assert asked == {"seed": False, "gc": 0, "batch_size": True}


def test_an_onnx_file_has_no_eager_to_compare_with(tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"")
    trial = Trial(model=str(file), exporter="onnx")
    assert trial.reference_way is None
    assert trial.judge_way.rtopt == "off"


def test_ways_resolve_runtime_and_provider():
    way = Trial(model="timm/resnet18", exporter="script").way
    assert (way.runtime, way.provider, way.label) == ("onnxruntime", "CPUExecutionProvider", "script")
    cuda = Trial(model="timm/resnet18", exporter="script", device="cuda:1", provider="CUDA", rtopt="off").way
    assert (cuda.provider, cuda.label) == ("CUDAExecutionProvider", "script rtopt=off")
    assert Trial(model="timm/resnet18", exporter="script", device="cuda").reference_way.provider == "CUDA"


def test_file_names_are_safe():
    trial = Trial(model="planted/plain", label="<script>alert(1)</script>/../x", exporter="planted")
    stem = trial.file_stem("0123456789abcdef")
    assert stem.endswith("-planted-01234567")
    assert not set(stem) & set("/<>() ")


def test_a_tolerance_with_its_reason_is_taken():
    given = {"rtol": 1e-3, "reason": "int8 weights"}
    trial = make({"model": "planted/plain", "tolerance": given})
    assert trial.tolerance == given
    assert trial.key() != make({"model": "planted/plain"}).key()


def test_the_judge_in_float64_is_a_way_of_a_runtime_that_can():
    trial = make({"model": "explicit/mlp", "exporter": "script", "dtype": "float16"})
    assert trial.exact_way.runtime_args == {"float64": True}
    assert trial.exact_way.provider == "CPU"
    assert make({"model": "planted/plain", "exporter": "planted"}).exact_way is None


def test_other_inputs_at_the_same_path_are_another_trial(tmp_path):
    file = tmp_path / "inputs.npz"
    np.savez(file, x=np.zeros(3))
    before = make({"model": "planted/plain", "inputs": str(file)}).key()
    assert before == make({"model": "planted/plain", "inputs": str(file)}).key()
    np.savez(file, x=np.ones(3))
    assert before != make({"model": "planted/plain", "inputs": str(file)}).key()
