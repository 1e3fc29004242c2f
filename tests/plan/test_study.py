import json
from pathlib import Path

import pytest

from benchlib.errors import UserError
from benchlib.plan.expand import expand
from benchlib.plan.options import split, values_of
from benchlib.plan.schema import schema
from benchlib.plan.study import from_arguments, from_options, read

PARAMS = Path(__file__).parent.parent.parent / "params"
FIVE_MISTAKES = """\
name: five
titel: a misspelt key
defaults: {level: quik, exporter: planted, reference: {exporter: planted}}
matrix:
  model: [planted/plain]
  batch_sise: [1, 8]
  num_cores: [1, two]
  seed: []
"""


def write(tmp_path, text):
    file = tmp_path / "study.yaml"
    file.write_text(text)
    return file


def test_all_mistakes_come_at_once_each_with_its_line(tmp_path):
    file = write(tmp_path, FIVE_MISTAKES)
    with pytest.raises(UserError) as error:
        read(file)
    lines = str(error.value).splitlines()
    wanted = {
        2: "did you mean 'title'",
        3: "did you mean 'quick'",
        6: "did you mean 'batch_size'",
        7: "num_cores",
        8: "without values",
    }
    assert len(lines) == len(wanted)
    for line, (number, text) in zip(lines, wanted.items(), strict=True):
        assert line.startswith(f"{file}:{number}: ")
        assert text in line


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("name: x\nmatrix: {model: [a\n", ":"),
        ("name: x\nname: y\n", 'duplicate key "name"'),
        ("- a\n- b\n", "a study is a mapping"),
        ("name: a/b\nmatrix: {model: [planted/plain]}\n", "no folder name"),
        ("name: x\n", "nothing to run"),
        ("name: x\ninclude: {model: planted/plain}\n", "list of mappings"),
    ],
)
def test_a_file_that_is_no_study_is_one_line(tmp_path, text, wanted):
    with pytest.raises(UserError, match=wanted.replace("(", r"\(")):
        read(write(tmp_path, text))


def test_a_study_that_is_not_there_is_named_with_its_neighbour(tmp_path):
    write(tmp_path, "name: x")
    with pytest.raises(UserError, match=r"did you mean 'study\.yaml'"):
        read(tmp_path / "studi.yaml")


BASE = "name: x\ndefaults: {exporter: planted, reference: {exporter: planted}, level: smoke}\n"


def plan_of(tmp_path, text):
    return expand(read(write(tmp_path, BASE + text)))


def test_the_matrix_is_multiplied_out_in_order(tmp_path):
    plan = plan_of(tmp_path, "matrix: {model: [planted/plain, planted/other], batch_size: [1, 8]}\n")
    assert [(p.trial.model, p.trial.batch_size) for p in plan.trials] == [
        ("planted/plain", 1), ("planted/plain", 8), ("planted/other", 1), ("planted/other", 8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("parameter", "value", "wanted"),
    [
        ("reference", "{exporter: script}", {"reference": {"exporter": "script"}}),
        ("model_args", "{num_layers: 2}", {"model_args": {"num_layers": 2}}),
        ("reference", "{reference: none, exporter: script}", {"reference": "none", "exporter": "script"}),
        ("exporter", "{exporter: script, seed: 1}", {"exporter": "script", "seed": 1}),
        ("exporter", "{seed: 1}", {"seed": 1}),
    ],
)
def test_a_mapping_on_an_axis_whose_values_may_be_mappings_is_such_a_value(tmp_path, parameter, value, wanted):
    (tmp_path / "s.yaml").write_text(f"name: s\ndefaults: {{model: explicit/mlp}}\nmatrix:\n  {parameter}: [{value}]\n")
    ((point,),) = read(tmp_path / "s.yaml").axes
    assert {name: value.value for name, value in point.items()} == wanted


def test_a_mapping_sets_several_parameters_at_once(tmp_path):
    plan = plan_of(
        tmp_path, "matrix:\n  model:\n    - {label: A, model: planted/plain, seq_length: 9}\n    - planted/other\n"
    )
    assert [(p.trial.label, p.trial.seq_length) for p in plan.trials] == [("A", 9), ("", None)]


def test_exclude_and_include(tmp_path):
    text = (
        "matrix: {model: [planted/plain, planted/other], batch_size: [1, 8]}\n"
        "exclude: [{model: planted/other, batch_size: 8}]\ninclude: [{model: planted/other, seed: 3}]\n"
    )
    plan = plan_of(tmp_path, text)
    assert [(p.trial.model, p.trial.batch_size, p.trial.seed) for p in plan.trials][2:] == [
        ("planted/other", 1, 0), ("planted/other", 1, 3),
    ]  # fmt: skip


def test_a_dtype_that_nobody_asked_for_is_excluded_by_its_name(tmp_path):
    text = "matrix: {model: [planted/plain], dtype: [own, float16]}\nexclude: [{dtype: float32}]\n"
    assert [p.trial.dtype for p in plan_of(tmp_path, text).trials] == ["float16"]


def test_an_exclude_that_matches_nothing_and_a_trial_twice_are_mistakes(tmp_path):
    with pytest.raises(UserError) as error:
        plan_of(
            tmp_path,
            "matrix: {model: [planted/plain]}\nexclude: [{batch_size: 7}]\ninclude: [{model: planted/plain}]\n",
        )
    assert "exclude matches no trial" in str(error.value)
    assert "the same trial twice" in str(error.value)


def test_a_refused_combination_keeps_its_row_and_its_rule(tmp_path):
    plan = plan_of(tmp_path, "matrix: {model: [planted/plain], exporter: [planted, script]}\n")
    assert [p.status for p in plan.trials] == ["", "refused"]
    assert "starts from a PyTorch module" in plan.trials[1].reason


def test_what_the_machine_lacks_is_skipped_with_the_reason(monkeypatch):
    monkeypatch.setattr("benchlib.runtimes._cuda.missing", lambda device: None if device == "cpu" else "no driver here")
    plan = expand(from_options("run", {"model": ["explicit/mlp"], "exporter": ["eager"], "device": ["cuda"]}))
    assert (plan.trials[0].status, "no driver here" in plan.trials[0].reason) == ("skipped", True)


def test_selections_open_to_models():
    def models(text):
        return [p.trial.model for p in expand(from_options("run", {"model": [text], "exporter": ["eager"]})).trials]

    everything = models("explicit/all")
    assert "explicit/mlp" in everything
    assert models("explicit/0-1") == everything[:2]
    assert models("explicit/1") == everything[1:2]
    real = [name for name in everything if not name.startswith("explicit/101")]
    assert models("explicit/All") == real != everything and models("explicit/Head") == real[:10]
    assert models("explicit/dict_i") == ["explicit/dict_io"]
    with pytest.raises(UserError, match="did you mean 'mlp'"):
        models("explicit/mpl")
    with pytest.raises(UserError, match="models 0 to"):
        models("explicit/900")
    with pytest.raises(UserError, match="did you mean 'explicit'"):
        models("explicti/mlp")


def test_commas_split_outside_brackets_and_quotes():
    assert split("a,b") == ["a", "b"]
    assert split("{x: 1, y: 2},eager") == ["{x: 1, y: 2}", "eager"]
    assert split("'a,b',c") == ["'a,b'", "c"]
    assert values_of("batch_size", "1,4") == [1, 4]
    assert values_of("label", "one, two") == ["one, two"]
    assert values_of("exporter_args", "{a: 1, b: [2, 3]}") == [{"a": 1, "b": [2, 3]}]
    assert values_of("reference", "{exporter: script},none") == [{"exporter": "script"}, "none"]
    assert values_of("warmup", "auto,3") == ["auto", 3]
    assert values_of("shapes", "[1,3,224,224],[1]") == [[[1, 3, 224, 224], [1]]]
    assert values_of("shapes", "{x: [1, 3], y: [2]}") == [{"x": [1, 3], "y": [2]}]


def test_the_schema_is_the_one_that_editors_get():
    assert json.loads((PARAMS / "schema.json").read_text()) == schema()


@pytest.mark.process
@pytest.mark.parametrize("file", sorted(PARAMS.glob("*.yaml")), ids=lambda f: f.stem)
def test_every_params_file_is_right_and_tells_editors_its_schema(file):
    assert file.read_text().startswith("# yaml-language-server: $schema=schema.json\n")
    plan = expand(read(file))
    assert plan.title
    assert all(p.status in ("", "refused", "skipped") for p in plan.trials)


@pytest.mark.process
def test_the_quick_study_is_quick():
    assert len(expand(read(PARAMS / "quick.yaml")).trials) <= 17


@pytest.mark.parametrize("key", ["include", "exclude"])
def test_an_empty_entry_is_told_with_its_line(tmp_path, key):
    path = tmp_path / "x.yaml"
    path.write_text(f"matrix: {{model: [explicit/mlp]}}\n{key}:\n  - {{}}\n")
    with pytest.raises(UserError, match=rf"x\.yaml:3: {key}: an empty entry says nothing"):
        read(path)
    path.write_text("defaults: {model: explicit/mlp}\ninclude: [{}]\n")  # the defaults as they are
    assert len(expand(read(path)).trials) == 1


def test_each_mistake_is_a_complaint_of_its_own(tmp_path):
    file = write(tmp_path, FIVE_MISTAKES)
    with pytest.raises(UserError) as error:
        read(file)
    assert len(error.value.complaints) == 5
    assert str(error.value) == "\n".join(error.value.complaints)
    assert error.value._render_traceback_() == [f"benchlib: {complaint}" for complaint in error.value.complaints]


def test_a_model_that_there_is_not_is_told_beside_what_is_wrong_with_the_study(tmp_path):
    text = "matrix:\n  model: [planted/plane, planted/plain]\n  batch_size: [0]\ninclude: [{model: plantd/plain}]\n"
    with pytest.raises(UserError) as error:
        read(write(tmp_path, text))
    places = [complaint.removeprefix(f"{tmp_path}/").partition(" ")[0] for complaint in error.value.complaints]
    assert places == ["study.yaml:2:", "study.yaml:3:", "study.yaml:4:"]
    assert "did you mean 'plain'" in error.value.complaints[0]
    with pytest.raises(UserError) as error:
        from_options("run", {"model": ["planted/plane"], "batch_size": [0]})
    assert [complaint.partition(":")[0] for complaint in error.value.complaints] == ["--batch-size", "--model"]


def test_combinations_that_are_wrong_are_complaints_each():
    with pytest.raises(UserError) as error:
        expand(from_options("run", {"model": ["explicit/zzz", "explicit/mlp"], "exporter": ["eager", "eager"]}))
    unknown, twice = error.value.complaints
    assert unknown.startswith("--model: model 'explicit/zzz': ")
    assert twice.startswith("--exporter: the same trial twice: ")


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("exporter", ["onx"], "exporter: unknown exporter 'onx'; did you mean 'onnx'?"),
        ("batch_size", [1, 0], "batch_size: a whole number above 0 or recorded is wanted, not 0"),
        ("exportr", ["eager"], "exportr: unknown parameter 'exportr'; did you mean 'exporter'?"),
        ("seed", [], "seed: an axis without values leaves nothing to run"),
    ],
)
def test_an_argument_in_python_is_called_by_its_name_once(name, values, wanted):
    with pytest.raises(UserError) as error:
        from_arguments("run", {"model": ["explicit/mlp"], name: values})
    assert error.value.complaints == (wanted,)
