"""What is timed is what is checked: engines that are wrong in the timed phase alone, through real workers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchlib import tensors
from benchlib.measure import controller
from benchlib.measure.contender import Contender, Launcher, open_contender
from benchlib.measure.controller import measure
from benchlib.measure.gate import GateRun
from benchlib.measure.levels import LEVELS
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import OpenSession
from tests.measure import engines

pytestmark = pytest.mark.process

ENGINES = Path(engines.__file__)
SETS = {
    number: {"x": np.full((3, 5), number + 1, np.float32)} for number in (0, 1, 2, 3, 4, 7)
}  # by the model's number
LEVEL = replace(LEVELS["smoke"], replicates=2, start="fresh", warmup_calls=12, min_rounds=8)


def measured(folder, *names, level=LEVEL, fresh=False):
    """What measuring the engines of these names came to, after calls on the sets 0, 1 and 2, as a trial's check makes
    them."""
    hashes = {n: tensors.save(folder / f"inputs{f'-{n}' if n else ''}.npz", nested) for n, nested in SETS.items()}
    sets = {folder / f"inputs-{n}.npz": digest for n, digest in hashes.items() if n}
    contenders = [
        Contender(
            name, False, OpenSession(f"{ENGINES}:{name}", Path("none"), folder / "inputs.npz", "script"), sets, fresh
        )
        for name in names
    ]
    launcher = Launcher("f" * 16, 1, folder, lambda: pytest.fail("it starts fresh"), timeout=60.0)
    try:
        opened = [open_contender(c, launcher, level.start, 0, 0, c.label) for c in contenders]
        for index, o in enumerate(opened):
            o.outputs(folder / f"checked-{index}.npz")
            for number in (1, 2):
                o.outputs_for(folder / f"inputs-{number}.npz", folder / f"checked-{index}-{number}.npz", thin=True)
        return measure(contenders, opened, launcher, level, seed=0)
    finally:
        launcher.end()


def wrong(measurement, contender=0):
    """The sets for which some outputs of the timed phase are wrong, of all that is to be compared."""
    found = []
    for changed in measurement.changed_outputs:
        (y,) = tensors.load(changed.file)[0].values()
        if changed.contender == contender and not np.allclose(y, 2 * SETS[changed.input_set]["x"], rtol=1e-3):
            found.append(changed.input_set)
    return found


@pytest.mark.parametrize("name", ["Doubles", "AnswersInOneBuffer"])
def test_of_a_right_engine_each_set_is_compared_once(name, tmp_path):
    found = measured(tmp_path, name)
    assert wrong(found) == []
    # Those that the check of the step compared need no file, nor does the second process.
    assert [(c.replicate, c.input_set) for c in sorted(found.changed_outputs, key=lambda c: c.input_set)] == [
        (0, 3), (0, 4), (0, 7)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        *("WrongTurns", "Memoises", "MemoisesByAddress", "WrongLater", "WrongEverySecond", "WrongEveryThird"),
        "WrongAndNeverTheSameBits",
    ],
)
def test_an_engine_that_is_wrong_in_the_timed_phase_alone_is_caught(name, tmp_path):
    found = measured(tmp_path, "Doubles", name)
    assert wrong(found, 0) == []
    assert wrong(found, 1)


def test_of_an_engine_that_never_repeats_its_bits_few_answers_are_stored(tmp_path):
    found = measured(tmp_path, "NeverTheSameBits", level=replace(LEVEL, min_rounds=48))
    assert wrong(found) == []
    answers = 2 * sum(b.round >= 0 for b in found.samples.blocks)
    assert len(SETS) < len(found.changed_outputs) < answers / 2


def test_later_replicates_open_their_sessions_when_they_have_waited(tmp_path, monkeypatch):
    log = []

    def note(owner, name):
        original = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *given: log.append(name) or original(*given))

    for owner, name in ((GateRun, "wait"), (controller._Run, "open_all"), (GateRun, "begin_replicate")):
        note(owner, name)
    measured(tmp_path, "Doubles")
    assert log == ["wait", "begin_replicate", "wait", "open_all", "begin_replicate"]


def test_an_engine_with_two_buffers_is_right(tmp_path):
    assert wrong(measured(tmp_path, "AnswersInTwoBuffers")) == []


def test_inputs_that_a_model_changes_are_given_afresh_for_each_call(tmp_path):
    assert wrong(measured(tmp_path, "Halves"))  # what it is without
    found = measured(tmp_path, "Halves", fresh=True)
    assert wrong(found) == []
    assert {changed.input_set for changed in found.changed_outputs} == {3, 4, 7}


def test_inputs_that_a_model_changes_are_refused_where_several_calls_are_a_sample(tmp_path, monkeypatch):
    monkeypatch.setattr("benchlib.measure.schedule.LOOP_BELOW", 1.0)
    monkeypatch.setattr("benchlib.measure.schedule.LOOP_TIME", 0.05)
    with pytest.raises(WorkerError, match="changes its inputs, and one call is too short") as error:
        measured(tmp_path, "Halves", fresh=True)
    assert error.value.kind == "refused"


def test_slow_calls_of_which_nothing_is_discarded_are_looked_at_too(tmp_path, monkeypatch):
    monkeypatch.setattr("benchlib.measure.schedule.ONE_CALL", 1e-6)
    found = measured(tmp_path, "WrongEverySecond", level=replace(LEVEL, min_rounds=9, replicate_time=0.0))
    assert {b.discarded for b in found.samples.blocks} == {0}
    assert wrong(found)
