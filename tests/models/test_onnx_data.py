"""onnx's own backend cases, whose inputs and outputs are given, through the source and a runtime."""

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.runner import Runner

from benchlib import accuracy, mistakes, tensors
from benchlib.errors import Refused
from benchlib.models import _input_sets, onnx_file, parse
from benchlib.models._input_sets import TIMED
from benchlib.registries import runtimes
from benchlib.runtimes import OpenRequest

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
CASES = sorted(
    f.parent for kind in ("pytorch-operator", "pytorch-converted") for f in DATA.glob(f"{kind}/*/model.onnx")
)
SEQUENCES = sorted(f.parent for f in DATA.glob("simple/test_sequence_model*/model.onnx"))
OLD = "of the operator set, which the file asks for"  # opset 6: onnxruntime has kernels from 7 on


def problem(file, folder, runtime, tmp_path):
    """What is wrong with a runtime's outputs for the inputs of a folder; Refused where it does not take the file."""
    model = onnx_file.load(
        parse(str(file))[1], mistakes.make({"model": str(file), "exporter": "onnx", "inputs": str(folder)})
    )
    tensors.save(tmp_path / "inputs.npz", model.inputs)
    flat, structure = tensors.load(tmp_path / "inputs.npz")
    options = {name: option.default for name, option in runtimes.get(runtime).options.items()}
    session = runtimes.get(runtime).open(OpenRequest(str(model.file), "onnx", options=options))
    out = session.bind(tensors.unflatten(structure, flat), flat)()
    tensors.save(tmp_path / "found.npz", out)
    tensors.save(tmp_path / "right.npz", model.expected[0])
    found, right = (tensors.load(tmp_path / name)[0] for name in ("found.npz", "right.npz"))
    return accuracy.compare({0: found}, {0: right}, "float32").problem


def test_onnxs_cases_give_the_expected_outputs_or_are_refused_for_their_age(tmp_path):
    refused = []
    for case in CASES:
        try:
            assert problem(case / "model.onnx", case, "onnxruntime", tmp_path) == "", case
        except Refused as error:
            assert OLD in str(error), error
            refused.append(case)
    assert len(CASES) - len(refused) >= 80
    for case in refused:
        assert problem(case / "model.onnx", case, "reference", tmp_path) == "", case


@pytest.mark.parametrize("runtime", ["onnxruntime", "reference"])
def test_sequences_and_their_elements_travel(tmp_path, runtime):
    for case in SEQUENCES:
        assert problem(case / "model.onnx", case, runtime, tmp_path) == "", case


def test_a_light_model_gives_the_output_beside_it(tmp_path):
    """There is no input beside these: onnx's runner makes it from the graph."""
    file = DATA / "light" / "light_squeezenet.onnx"
    graph = onnx.load(file).graph
    weights = {tensor.name for tensor in graph.initializer}
    value = next(v for v in graph.input if v.name not in weights)
    given = numpy_helper.from_array(Runner.generate_dummy_data(value))
    (tmp_path / "input_0.pb").write_bytes(given.SerializeToString())
    shutil.copy(file.with_name("light_squeezenet_output_0.pb"), tmp_path / "output_0.pb")
    assert problem(file, tmp_path, "onnxruntime", tmp_path) == ""
    wrong = numpy_helper.to_array(onnx.load_tensor(tmp_path / "output_0.pb")) + 1
    (tmp_path / "output_0.pb").write_bytes(numpy_helper.from_array(wrong).SerializeToString())
    assert ": off by " in problem(file, tmp_path, "onnxruntime", tmp_path)


def test_of_many_sets_as_many_as_take_turns_are_read(tmp_path):
    case = DATA / "pytorch-operator" / "test_operator_mm"
    for number in range(TIMED + 2):
        shutil.copytree(case / "test_data_set_0", tmp_path / f"test_data_set_{number}")
    asked = mistakes.make({"model": str(case / "model.onnx"), "exporter": "onnx", "inputs": str(tmp_path)})
    model = onnx_file.load(asked.model, asked)
    given = [n for n, own in _input_sets.of(model, 0).sets.items() if own.origin == "given"]
    assert {0, *given} == set(model.expected) == set(range(TIMED))


@pytest.mark.process
def test_a_whole_trial_is_judged_by_given_outputs(tmp_path, command):
    case = DATA / "pytorch-operator" / "test_operator_mm"
    words = ["run", str(case / "model.onnx"), "--inputs", str(case), "--exporter", "onnx", "--runtime", "reference"]
    said = command(*words, "--level", "smoke", "--until", "check", env=dict(os.environ)).stdout
    assert ":judged_by,given outputs;" in said and ":status,ok;" in said
    np.savez(tmp_path / "wrong.npz", **_wrong(case))
    words[3] = "wrong.npz"
    said = command(*words, "--level", "smoke", "--until", "check", env=dict(os.environ)).stdout
    assert ":status,inaccurate;" in said


def _wrong(case):
    folder = case / "test_data_set_0"
    read = {f.stem: numpy_helper.to_array(onnx.load_tensor(f)) for f in folder.glob("*.pb")}
    return read | {"output_0": read["output_0"] + 1}
