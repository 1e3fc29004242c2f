"""The race with sweeps that are made up: which ways get how far, and what is said of each."""

import math
from dataclasses import dataclass, field

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from benchlib.choosing import Question, choose
from benchlib.choosing.where import bounds_of
from benchlib.errors import UserError
from benchlib.execution import store
from benchlib.execution.contest import contests, pair_parameters
from benchlib.mistakes import make
from benchlib.plan import study as studies
from benchlib.plan.expand import expand
from benchlib.record import ContenderRecord, Record, scrap
from benchlib.record.metrics import Metrics

SPEED = {
    "eager": 1.0, "jit": 1.2, "script": 2.0, "script openvino": 1.9, "onnx_dynamo": 2.6, "onnx_dynamo openvino": 2.5,
    "inductor": 1.4,
}  # fmt: skip
HALF = 0.01  # of the logarithm of a speedup at full length


@dataclass
class Host:
    """What sweeps come to on a made-up host."""

    speed: dict[str, float] = field(default_factory=lambda: dict(SPEED))
    ends: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # way -> status, stage, reason
    metrics: dict[str, float | str] = field(default_factory=dict)  # of every trial at full length
    reached: int | None = None  # trials that the first look has time for
    reached_at_length: int | None = None
    at_a_look: dict[str, dict[str, float]] = field(default_factory=dict)  # way -> metrics of its first look
    sweeps: list[tuple[int, float, bool]] = field(default_factory=list)  # trials, seconds, whether pairs decide

    def sweep(self, plan, folder, seconds, rivals):
        """The keys of what is of now, as a sweep returns them."""
        self.sweeps.append((len(plan.trials), seconds, plan.runoff))
        (folder / store.TRIALS).mkdir(parents=True, exist_ok=True)
        store.write_study(folder, plan.resolved())
        made = [self.record(planned.trial, planned.key, planned.name) for planned in plan.trials if not planned.status]
        now = made[: self.reached if plan.trials[0].trial.level == "smoke" else self.reached_at_length]
        for record in now:
            write(folder / store.TRIALS, record)
        if plan.runoff:
            self.pairs(folder, [record for record in made if record.key in rivals])
        return [record.key for record in now]

    def record(self, trial, key, name):
        label = trial.way.label
        status, stage, reason = self.ends.get(label, ("ok", "", ""))
        contenders = [ContenderRecord(w.label, vars(w)) for w in (trial.reference_way, trial.way)]
        record = Record(key, name, status, trial.model_dump(), Metrics(model_name="mlp"), stage=stage, reason=reason,
                        contenders=contenders)  # fmt: skip
        if status != "ok":
            return record
        own = {"time_latency": 0.02 / self.speed[label], "reference_way": "eager", "time_latency_reference": 0.02,
               "slice_share": 0.25, "converged": True, "time_lost": 0.0, "processes": 6, "time_measure": 6.0,
               "time_latency_p99": 0.04 / self.speed[label]}  # fmt: skip
        half = None if trial.level == "smoke" else HALF
        own["time_latency"] *= trial.batch_size**0.5  # the larger the batch, the more items in a second
        own["throughput"] = trial.batch_size / own["time_latency"]
        if half:
            ends = {"low": own["time_latency"] * math.exp(-half), "high": own["time_latency"] * math.exp(half)}
            own |= {f"time_latency_{end}": value for end, value in ends.items()}
        record.metrics |= own | ratio(self.speed[label], half)
        record.metrics |= self.metrics if half else self.at_a_look.get(label, {})
        return record

    def pairs(self, folder, ways):
        """Direct pairs of the first way against all others, as the run-off would have them."""
        (folder / store.RUNOFF).mkdir(exist_ok=True)
        for best, rival in ((c.field()[0], rival) for c in contests(ways) for rival in c.field()[1:]):
            trial = make(pair_parameters(best, rival))
            speed = [self.speed[r.contenders[-1].label] for r in (best, rival)]
            record = Record(
                trial.key(), trial.file_stem(trial.key()), "ok", trial.model_dump(), contenders=best.contenders
            )
            record.metrics |= {"processes": 6, "time_measure": 6.0} | ratio(speed[0] / speed[1], HALF)
            write(folder / store.RUNOFF, record)


def ratio(value, half):
    ends = {} if half is None else {"speedup_low": value * math.exp(-half), "speedup_high": value * math.exp(half)}
    return {"speedup": value, "verdict": "faster"} | ends


def write(folder, record):
    cell = new_code_cell("trial.record()", outputs=[nbformat.from_dict(scrap.output(scrap.RECORD, record.to_json()))])
    (folder / f"{record.name}.ipynb").write_text(nbformat.writes(new_notebook(cells=[cell])))


@pytest.fixture
def race(tmp_path):
    def run(host: Host, where: str = "", goal: str = "latency", varied=None, **given):
        first = {name: values[0] for name, values in (varied or {}).items()}
        question = Question(
            {"model": "explicit/mlp", **given, **first}, bounds_of(where), goal=goal, varied=varied or {}
        )
        return choose(question, tmp_path / "choose", host.sweep, lambda line: None)

    return run


def test_every_way_gets_a_look_the_close_ones_more_and_the_best_are_paired(race, tmp_path):
    host = Host()
    found = race(host)
    assert [(trials, pairs) for trials, _, pairs in host.sweeps] == [(7, False), (4, False), (4, True)]
    assert host.sweeps[0][1] <= 150 < host.sweeps[1][1] <= 225 and host.sweeps[2][1] == math.inf
    assert found.use.contenders[-1].label == "onnx_dynamo"
    assert found.answer.text.startswith("onnx_dynamo and onnx_dynamo openvino cannot be told apart here; about")
    assert dict(found.others) == {
        "eager": "about 2.6 times as long as the best, at a first look",
        "jit": "about 2.2 times as long as the best, at a first look",
        "inductor": "about 1.9 times as long as the best, at a first look",
        "script": "slower: 1.3 times as long", "script openvino": "slower: 1.37 times as long",
        "onnx_dynamo openvino": "cannot be told from it",
    }  # fmt: skip


def test_the_answer_says_what_to_use_by_how_much_and_whether_to_believe_it(race):
    lines = str(race(Host(speed=SPEED | {"onnx_dynamo": 3.2}))).splitlines()
    assert lines[0] == (
        "mlp: use onnx_dynamo, 3.20 × as fast as eager (3.17–3.23); its largest error uses 25 % of what is allowed"
    )
    assert lines[1].startswith("fastest: onnx_dynamo")
    assert "Not chosen:" in lines and any(line.startswith("Left out: ") for line in lines)
    assert lines[-1].startswith("Believe it? Yes: the host was quiet;")


def test_what_is_wrong_fails_or_is_not_reached_is_said_and_never_used(race):
    wrong = ("inaccurate", "check", "y: 40 elements beyond the tolerance")
    failed = ("failed", "export", "UnsupportedOperator: no such thing\nsecond line")
    host = Host(ends={"onnx_dynamo": wrong, "script": failed}, reached=6)
    found = race(host)
    assert found.use.contenders[-1].label == "onnx_dynamo openvino"
    assert found.others["onnx_dynamo"] == "wrong: y: 40 elements beyond the tolerance"
    assert found.others["script"] == "failed at export: UnsupportedOperator: no such thing second line"
    assert found.others["inductor"] == "not reached within the budget"


def test_a_close_way_that_there_was_no_time_for_is_no_slower_one(race):
    found = race(Host(speed=SPEED | {"onnx_dynamo": 3.2}, reached_at_length=1))
    assert found.use.contenders[-1].label == "onnx_dynamo" and found.belief.word == "in part"
    assert found.others["onnx_dynamo openvino"] == (
        "not measured at length within the budget; about 1.3 times as long as the best, at a first look"
    )


def test_what_stands_there_of_an_earlier_version_is_not_taken_where_there_was_no_time_to_run_it_again(race):
    race(Host())  # leaves records of all ways
    found = race(Host(reached=3))
    assert found.others["script openvino"] == "not reached within the budget"
    assert found.use.contenders[-1].label in ("script", "onnx_dynamo", "onnx_dynamo openvino")
    nothing = race(Host(reached_at_length=0))
    assert nothing.use is None and "not measured at length within the budget" in nothing.others["onnx_dynamo"]


def test_a_way_that_breaks_a_bound_is_not_chosen_however_fast(race):
    found = race(Host(speed=SPEED | {"script openvino": 2.2, "onnx_dynamo openvino": 2.0}), "time_latency_p99 > 0.0181")
    assert found.use.contenders[-1].label == "script openvino"
    assert found.others["onnx_dynamo"] == "time_latency_p99 is 0.0154, not > 0.0181"


def test_a_bound_is_measured_a_percentile_by_its_samples_and_memory_on_request(race, tmp_path):
    race(Host(), "time_latency_p99 < 1 and memory_vmhwm_peak < 1e9")
    trials = [p.trial for p in expand(studies.read(tmp_path / "choose" / "choose.yaml")).trials]
    assert trials and all(trial.memory and trial.repeat == 166 for trial in trials)  # 1.5 × 662 ÷ 6 processes
    assert "memory" not in (tmp_path / "choose" / "first-look" / "study.yaml").read_text()


def test_a_percentile_that_the_level_gives_by_itself_asks_for_nothing(race, tmp_path):
    host = Host(speed={way: 1000 * speed for way, speed in SPEED.items()})  # calls of some 10 µs
    race(host, "time_latency_p99 < 1")
    assert {p.trial.repeat for p in expand(studies.read(tmp_path / "choose" / "choose.yaml")).trials} == {"auto"}


def test_where_no_way_keeps_the_bounds_nothing_is_decided(race):
    found = race(Host(), "memory_vmhwm_peak < 1e9")
    assert found.use is None and str(found).startswith("mlp: nothing is decided, no way gives a figure that counts\n")
    assert found.others["onnx_dynamo"] == "memory_vmhwm_peak is not known"


def test_a_busy_host_decides_nothing(race):
    found = race(Host(metrics={"disturbed_by": "time_lost", "verdict": "disturbed"}))
    assert found.use is None and found.belief.word == "no"
    assert found.others["onnx_dynamo"] == "disturbed: its figure decides nothing"
    assert "the host disturbed all 4 figures" in str(found)


def test_a_way_that_the_host_slowed_at_its_first_look_is_not_ruled_out_by_it(race):
    slowed = Host(speed=SPEED | {"onnx_dynamo": 3.2})
    slowed.at_a_look = {"onnx_dynamo": {"speedup": 0.5, "time_lost": 0.4}, "jit": {"speedup": 0.5, "time_lost": 0.4}}
    found = race(slowed)
    assert found.use.contenders[-1].label == "onnx_dynamo"
    assert found.others["jit"].startswith("slower: ") and slowed.sweeps[1][0] == 5


def test_where_no_way_runs_each_says_why(race):
    lost = ("failed", "load", "no such model")
    found = race(Host(ends=dict.fromkeys(SPEED, lost)))
    assert found.use is None and set(found.others.values()) == {"failed at load: no such model"}
    assert "Believe it? No: nothing was timed." in str(found)


def test_the_study_that_it_leaves_is_the_plan_that_ran(race, tmp_path):
    host = Host()
    race(host, batch_size=2)
    written = expand(studies.read(tmp_path / "choose" / "choose.yaml"))
    assert {p.key for p in written.trials} == {
        record.key for record in scrap.read_all(tmp_path / "choose" / store.TRIALS)[0].values()
    }
    assert written.runoff and all(p.trial.batch_size == 2 for p in written.trials)


def test_for_throughput_sizes_are_tried_too_and_the_best_of_each_compared(race):
    host = Host(speed=SPEED | {"onnx_dynamo": 3.2})
    found = race(host, goal="throughput", varied={"batch_size": [1, 2, 4]}, runtime="onnxruntime")
    assert host.sweeps[0][0] == 6 and found.use.trial["batch_size"] == 4
    assert found.use.contenders[-1].label == "onnx_dynamo"
    assert found.answer.text == (
        "most items per second: onnx_dynamo, batch 4, 320 items/s (317–323); "
        "the best of the other conditions gives 226.3 items/s (224.0–228.5)"
    )
    assert found.others["onnx_dynamo, batch 1"] == "about 2 times as long as the best, at a first look"
    assert found.others["onnx_dynamo, batch 2"] == "slower: 1.41 times as long"


def test_sizes_that_give_as_much_are_not_told_apart(race):
    speed = {"onnx_dynamo": 2.6, "script": 1.3}
    host = Host(speed=SPEED | speed)
    host.record = as_much(host.record)
    found = race(host, goal="throughput", varied={"batch_size": [1, 4]}, exporter="onnx_dynamo", runtime="onnxruntime")
    assert "cannot be told from it, as different conditions are not paired" in found.answer.text
    assert found.answer.fastest == "" and found.use is not None


def as_much(record):
    """Records whose latency grows with the batch."""

    def made(trial, key, name):
        found = record(trial, key, name)
        for metric in ("time_latency", "time_latency_low", "time_latency_high"):
            if metric in found.metrics:
                found.metrics[metric] *= trial.batch_size**0.5
        found.metrics["throughput"] /= trial.batch_size**0.5
        return found

    return made


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"goal": "speed"}, "unknown goal 'speed'"),
        ({"varied": {"batch_size": [1, 2]}}, "batch_size: one value is wanted, not 2"),
        (
            {"goal": "throughput", "varied": {"seed": [1, 2]}},
            "by throughput several of batch_size and num_cores compare",
        ),
    ],
)
def test_what_does_not_compare_is_one_line(terms, said):
    with pytest.raises(UserError, match=said):
        Question({"model": "explicit/mlp"}, **terms)


def test_a_level_that_decides_nothing_is_refused(race):
    with pytest.raises(UserError, match="level smoke decides nothing"):
        race(Host(), level="smoke")
