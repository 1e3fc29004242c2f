"""Killing anything at any moment loses at most the trial that was running."""

import os
import random
import signal
import time

import pytest

from benchlib.record import scrap
from benchlib.worker import process

pytestmark = pytest.mark.process

STUDY = """
matrix:
  model: [planted/plain]
  seed: [{seeds}]
"""
FOUR = STUDY.format(seeds="0, 1, 2, 3")


def wait_for(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def finished(study) -> dict[str, int]:
    """Executed notebooks and when they were written."""
    folder = study.outputs / "trials"
    return {p.name: p.stat().st_mtime_ns for p in folder.glob("*.ipynb")} if folder.exists() else {}


ENDINGS = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("how", [*ENDINGS[:2], pytest.param(ENDINGS[2], marks=pytest.mark.soak)])
def test_a_sweep_that_was_ended_goes_on_where_it_was(study, how):
    ended_and_gone_on_with(study(FOUR), 4, how)


@pytest.mark.soak
@pytest.mark.parametrize("attempt", range(8))
@pytest.mark.parametrize("how", ENDINGS)
def test_a_sweep_that_was_ended_goes_on_where_it_was_whenever_that_is(study, how, attempt):
    ended_and_gone_on_with(study(STUDY.format(seeds="0, 1, 2, 3, 4, 5")), 6, how)


def ended_and_gone_on_with(study, trials: int, how: signal.Signals) -> None:
    """A sweep is ended after at least two trials, at no moment in particular, and goes on."""
    sweep = study.start()
    wait_for(lambda: len(finished(study)) >= 2)
    time.sleep(random.uniform(0, 2))
    sweep.send_signal(how)
    text, _ = sweep.communicate(timeout=60)
    before = finished(study)
    if how != signal.SIGKILL:
        assert sweep.returncode == 130
        assert "go on with: benchlib sweep" in text
        assert "Traceback" not in text
    assert 2 <= len(before) <= trials
    assert all(scrap.read_record(study.outputs / "trials" / name).status == "ok" for name in before)
    text = study.sweep()
    after = finished(study)
    assert len(after) == trials
    assert {name: after[name] for name in before} == before
    assert f"{trials - len(before)} to run" in text
    assert not (study.outputs / "past").exists()


HANGING = "include: [{model: planted/plain, tag: hangs, runtime_args: {fault: sleep, fault_at: 5}}]\n"


def trial_key(study) -> str:
    from benchlib.plan.expand import expand
    from benchlib.plan.study import read

    return expand(read(study.file)).trials[0].key


def kernel_of(key: str) -> int | None:
    return next((p for p in process.marked(key) if "ipykernel" in open(f"/proc/{p}/cmdline").read()), None)


def states(pids) -> str:
    return "".join(open(f"/proc/{p}/stat").read().rpartition(")")[2].split()[0] for p in pids)


@pytest.mark.parametrize("level", ["smoke", "precise"])  # forked workers, fresh workers
def test_killing_the_kernel_while_workers_are_stopped_leaves_nothing(study, level):
    study = study(HANGING.replace("tag: hangs", f"tag: hangs, level: {level}"), timeout=60)
    key = trial_key(study)
    sweep = study.start()
    wait_for(lambda: kernel_of(key) and len(process.marked(key)) == 3 and "T" in states(process.marked(key)))
    os.kill(kernel_of(key), signal.SIGKILL)
    begin = time.monotonic()
    text, _ = sweep.communicate(timeout=60)
    assert time.monotonic() - begin < 5
    assert process.marked(key) == []
    assert study.records()["hangs"].status == "crashed", text


@pytest.mark.parametrize("level", ["smoke", "precise"])
def test_killing_the_driver_leaves_nothing(study, level):
    study = study(HANGING.replace("tag: hangs", f"tag: hangs, level: {level}"), timeout=60)
    key = trial_key(study)
    sweep = study.start()
    wait_for(lambda: kernel_of(key) and len(process.marked(key)) == 3 and "T" in states(process.marked(key)))
    sweep.kill()
    sweep.wait()
    wait_for(lambda: not process.marked(key), seconds=5)


def test_two_sweeps_into_one_folder_are_refused(study):
    study = study(FOUR)
    first = study.start()
    wait_for((study.outputs / "study.yaml").exists)
    text = study.sweep(expect=2)
    assert f"another sweep is writing to outputs/planted (process {first.pid})" in text
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)


def test_the_same_trial_in_two_sweeps_at_once_is_measured_twice(study, tmp_path):
    """The one that is done first ends its own processes, not those that wait for the host."""
    studies = [study(HANGING.replace("hangs, runtime_args: {fault: sleep, fault_at: 5}", "twice"), name=name)
               for name in ("one", "other")]  # fmt: skip
    assert trial_key(studies[0]) == trial_key(studies[1])
    texts = [sweep.communicate(timeout=60)[0] for sweep in [s.start() for s in studies]]
    assert [s.records()["twice"].status for s in studies] == ["ok", "ok"], texts
