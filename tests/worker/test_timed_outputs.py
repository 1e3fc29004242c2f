"""Which outputs of timed blocks are looked at, when, and which are stored."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchlib import tensors
from benchlib.errors import Refused
from benchlib.worker import timed, timed_outputs
from benchlib.worker.messages import CheckOutputs, RotateInputs, RunBlock
from benchlib.worker.service import Worker
from benchlib.worker.timed_outputs import KeptOutputs, OutputCheck


def answer(number, call=0):
    return [np.full((2, 3), 10 * number + call, np.float32)]


def hash_of(outputs):
    return timed_outputs.hash_of(tensors.flatten(outputs)[0])


class Looked(OutputCheck):
    """Notes what it looks at."""

    def __init__(self, sets, log):
        super().__init__(SimpleNamespace(), Path("none"), {}, sets)
        self.log = log

    def look_at(self, outputs, number):
        self.seen.add(number)
        self.log.append(("look", int(outputs[0].flat[0]), number))
        return []


def looking(sets, monkeypatch, buffers=0):
    """A worker whose calls answer with how often they were called, in so many buffers by turns, and what it did in
    order."""
    log, found = [], Worker(channel=None)
    memory = np.zeros((buffers, 1), np.int64)

    def call(number):
        log.append(number)
        count = sum(isinstance(entry, int) for entry in log) - 1
        if not buffers:
            return [np.array([count])]
        memory[count % buffers] = count
        return [memory[count % buffers]]

    found.time_calls(*(lambda n=n: call(n) for n in range(sets)))
    found.output_check = Looked(sets, log)
    loop = timed.time_calls

    def watched(*arguments):
        log.append("begin")
        result = loop(*arguments)
        log.append("end")
        return result

    monkeypatch.setattr(timed, "time_calls", watched)
    return found, log


def looks(log):
    return [entry[1:] for entry in log if entry[0] == "look"] if log else []


def test_a_discarded_call_and_the_last_one_are_looked_at_after_the_block(monkeypatch):
    worker, log = looking(4, monkeypatch)
    timed.run_block(worker, RunBlock(5, input_set=2, discarded=1))
    assert log == ["begin", 2, "end", "begin", 3, 0, 1, 2, "end", ("look", 0, 2), ("look", 4, 2)]
    assert worker.kept is None


def test_each_discarded_call_has_its_turn_to_be_looked_at(monkeypatch):
    worker, log = looking(4, monkeypatch)
    for _ in range(3):
        timed.run_block(worker, RunBlock(7, input_set=0, discarded=3))
    found = [entry[1:] for entry in log if isinstance(entry, tuple)]
    # of 7 calls each: the second, the third and the first; and the last one
    assert found == [(1, 1), (6, 2), (7 + 2, 2), (7 + 6, 2), (14 + 0, 0), (14 + 6, 2)]


def test_where_nothing_is_discarded_the_timed_call_is_looked_at_when_its_clock_has_stopped(monkeypatch):
    worker, log = looking(3, monkeypatch)
    timed.run_block(worker, RunBlock(1, input_set=4))
    assert log == ["begin", 1, "end", ("look", 0, 1)]


def test_of_a_loop_the_last_call_of_its_sample_is_looked_at(monkeypatch):
    worker, log = looking(3, monkeypatch)
    timed.run_block(worker, RunBlock(3, loops=4, input_set=1, discarded=1))
    assert [entry[1:] for entry in log if isinstance(entry, tuple)] == [(3, (1 + 3) % 3), (11, (1 + 11) % 3)]


@pytest.mark.parametrize("samples", [5, 6])
@pytest.mark.parametrize("buffers", [1, 2, 3])
def test_what_a_later_call_has_overwritten_is_not_looked_at(monkeypatch, buffers, samples):
    worker, log = looking(3, monkeypatch, buffers)
    timed.run_block(worker, RunBlock(samples, input_set=0, discarded=1))
    assert [entry for entry in log if isinstance(entry, tuple)] == [("look", samples - 1, (samples - 1) % 3)]


def test_what_lies_in_one_of_many_buffers_is_still_there(monkeypatch):
    worker, log = looking(3, monkeypatch, buffers=9)
    timed.run_block(worker, RunBlock(5, input_set=0, discarded=1))
    assert [entry for entry in log if isinstance(entry, tuple)] == [("look", 0, 0), ("look", 4, 1)]


def test_warming_up_is_not_looked_at(monkeypatch):
    worker, log = looking(3, monkeypatch)
    timed.run_block(worker, RunBlock(5))
    assert log == ["begin", 0, 1, 2, 0, 1, "end"]


def test_after_the_rounds_calls_in_a_row_are_looked_at_and_what_was_timed_and_not_seen(monkeypatch):
    worker, log = looking(40, monkeypatch)
    timed.run_block(worker, RunBlock(30, input_set=0, discarded=2))
    del log[:]
    timed.check_outputs(worker, CheckOutputs())
    assert [entry for entry in log if isinstance(entry, int)] == [*range(16), *range(16, 29)]  # 29 was the last call
    monkeypatch.setattr(timed, "_LOOKING_TIME", 0.0)
    del log[:]
    timed.check_outputs(worker, CheckOutputs())
    assert [entry for entry in log if isinstance(entry, int)] == [0]
    assert worker.output_check.seen == set(range(30))


def check_in(folder, known=(), sets=2):
    return OutputCheck(SimpleNamespace(), folder / "out", {0: known}, sets)


def test_what_is_known_is_not_stored_and_what_is_not_is_stored_once(tmp_path):
    check = check_in(tmp_path, [hash_of(answer(0))])
    assert check.look_at(answer(0), 0) == []
    (found,) = check.look_at(answer(1), 1)
    assert (found.input_set, found.hash) == (1, hash_of(answer(1)))
    np.testing.assert_array_equal(next(iter(tensors.load(found.file)[0].values())), answer(1)[0])
    assert check.look_at(answer(1), 1) == []
    assert check.seen == {0, 1}
    assert check.look_at(answer(0), 1), "what is right for another set is not known for this one"


def test_of_answers_that_never_repeat_ever_fewer_are_stored_but_one_that_does_is_in_the_end(tmp_path):
    check = check_in(tmp_path)
    stored = [n for n in range(1, 40) if check.look_at(answer(0, n), 0)]
    assert stored == [1, 2, 4, 8, 16, 32]
    wrong = [n for n in range(40, 140) if check.look_at(answer(9), 0)]
    assert len(wrong) == 1


def test_of_large_outputs_the_recorded_inputs_are_stored_whole_and_others_thinned(tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "THIN", 64)
    large = [np.arange(400, dtype=np.float32).reshape(100, 4)]
    check = check_in(tmp_path)
    sizes = [tensors.count(tensors.load(check.look_at(large, number)[0].file)[0]) for number in (0, 1)]
    assert sizes[0] == 400 and sizes[1] <= 64
    thin = [tensors.thinned(large[0])]
    assert not check_in(tmp_path, [hash_of(thin)]).look_at(large, 0), "hashed is what is thinned"


@pytest.mark.parametrize("leaves", [1, 40])
def test_of_large_outputs_some_megabytes_are_hashed_and_an_item_that_is_wrong_shows(leaves, monkeypatch):
    monkeypatch.setattr(timed_outputs, "HASHED", 1 << 16)
    sizes, content_hash = [], tensors.content_hash
    monkeypatch.setattr(
        tensors, "content_hash", lambda a: sizes.append(sum(x.nbytes for x in a.values())) or content_hash(a)
    )
    outputs = {f"y{n}": np.zeros((16, 4096), np.float32) for n in range(leaves)}
    right = timed_outputs.hash_of(outputs)
    outputs["y0"] = outputs["y0"].copy()
    outputs["y0"][11] = 1
    assert timed_outputs.hash_of(outputs) != right
    assert max(sizes) <= (1 << 16) + 4 * leaves


def test_small_outputs_are_hashed_as_they_are():
    arrays = {"y": np.arange(6.0), "z": np.array(3)}
    assert timed_outputs.hash_of(arrays) == tensors.content_hash(arrays)


def test_what_a_session_brings_to_the_host_is_hashed(tmp_path):
    session = SimpleNamespace(to_host=lambda outputs: [np.array(outputs)])
    check = OutputCheck(session, tmp_path / "out", {0: [hash_of([np.array((1, 2))])]}, 1)
    assert check.look_at((1, 2), 0) == []


def test_outputs_that_lie_at_one_address_are_overwritten():
    one, two = np.zeros(3), np.zeros(3)
    assert not KeptOutputs([one]).is_intact({"y": (one[:2],)})
    assert KeptOutputs([one]).is_intact([two])
    assert KeptOutputs([np.zeros(0)]).is_intact([np.zeros(0)])
    value = SimpleNamespace(data_ptr=lambda: 7)
    assert not KeptOutputs([value]).is_intact([value])


def test_outputs_whose_numbers_have_changed_are_overwritten():
    import torch

    for kept in (np.arange(1000.0), torch.arange(1000.0), torch.arange(1000.0).bfloat16()):
        outputs = KeptOutputs({"y": (kept,)})
        assert outputs.is_intact([])
        kept[:] = 7
        assert not outputs.is_intact([])


def test_tensors_on_a_device_are_copied_there():
    class OnDevice:
        device = SimpleNamespace(type="cuda")

        def detach(self):
            raise AssertionError("it is not brought to the host between samples")

        def clone(self):
            return "a copy"

    assert KeptOutputs([OnDevice()]).outputs == ["a copy"]


class Fixed:
    """A session that reads in place, or keeps its inputs."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def bind(self, inputs, flat):
        return lambda: [flat["x"] * 1]


def opened(folder, session, array=None):
    worker = Worker(channel=None)
    tensors.save(folder / "inputs.npz", {"x": np.ones(3)})
    worker.inputs, worker.session = folder / "inputs.npz", session
    worker.arrays = {"x": np.ones(3) if array is None else array}
    worker.time_calls(session.bind(worker.arrays, worker.arrays))
    return worker


def test_inputs_that_a_device_keeps_cannot_be_given_afresh(tmp_path):
    with pytest.raises(Refused, match="on this device they stay"):
        timed.rotate_inputs(opened(tmp_path, Fixed(keeps_inputs=True)), RotateInputs([], fresh=True))
    with pytest.raises(Refused, match="as they lie in memory"):
        fixed = np.ones(3)
        fixed.flags.writeable = False
        timed.rotate_inputs(opened(tmp_path, Fixed(reads_in_place=True), fixed), RotateInputs([], fresh=True))
    copied = opened(tmp_path, Fixed())
    timed.rotate_inputs(copied, RotateInputs([], fresh=True))
    assert copied.rotation.pristine == [], "each call copies its inputs"


def test_a_sample_of_several_calls_cannot_have_fresh_inputs(tmp_path):
    worker = opened(tmp_path, Fixed(reads_in_place=True))
    timed.rotate_inputs(worker, RotateInputs([], fresh=True))
    assert len(timed.run_block(worker, RunBlock(2)).ns) == 2
    with pytest.raises(Refused, match="one call is too short to be timed alone"):
        timed.run_block(worker, RunBlock(2, loops=2))
