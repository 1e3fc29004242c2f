"""What is known of models that nobody loaded: asked for once, kept, and told for a trial's own sizes."""

import pytest

from benchlib import machine
from benchlib.mistakes import make
from benchlib.plan import details
from benchlib.remembered import forget
from benchlib.worker.messages import ModelDescription


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    forget()


def answers(monkeypatch, **by_name):
    """Stands for the process that answers; notes what it was asked for."""
    asked = []

    def answer(requests):
        for request in requests:
            asked.append(request.name)
            yield by_name.get(request.name, ModelDescription("no answer"))

    monkeypatch.setattr(details, "_answers", answer)
    return asked


def of(weights, inputs=100):
    return ModelDescription(params_size=weights // 4, weights_size=weights, input_size=inputs)


def test_a_suite_is_asked_once_for_each_version_of_its_packages(monkeypatch):
    asked = answers(monkeypatch, mlp=of(4000))
    names = ["mlp", "tuple_io"]
    assert details.table("explicit", names) == {}
    found = details.fill("explicit", names)
    assert found == {"mlp": of(4000), "tuple_io": ModelDescription("no answer")}
    assert details.fill("explicit", names) == details.table("explicit", names) == found
    assert asked == names
    monkeypatch.setattr(machine, "package_version", lambda package: "99")
    forget()
    assert details.table("explicit", names) == {}


def test_a_trial_finds_its_model_in_the_table_of_its_suite(monkeypatch):
    answers(monkeypatch, resnet18=of(4000))
    monkeypatch.setattr(details, "catalogued", lambda suite: ["resnet18", "vgg11"])
    assert details.known(make({"model": "timm/resnet18"})) is None
    details.fill("timm", ["resnet18", "vgg11"])
    assert details.known(make({"model": "timm/resnet18", "batch_size": 8})).input_size == 800
    smaller = make({"model": "timm/resnet18", "batch_size": 8, "height": 32})
    assert details.known(smaller).input_size == 0, "nobody knows them, and those of the table are too large"
    assert details.known(make({"model": "timm/resnet18", "model_args": {"in_chans": 1}})) is None
    assert details.known(make({"model": "timm/vgg11"})) is None


def test_what_a_worker_found_is_kept_for_the_next_plan():
    trial, asked = make({"model": "timm/resnet18", "model_args": {"in_chans": 1}}), []
    found = details.looked_at(trial, lambda request: asked.append(request) or of(400))
    assert found == details.known(trial) == details.looked_at(trial, asked.append)
    assert len(asked) == 1
    assert asked[0].trial["model_args"] == {"in_chans": 1}
    assert details.known(trial.model_copy(update={"dtype": "float16", "seed": 3})) == found
    assert details.looked_at(make({"model": "explicit/mlp"}), lambda request: ModelDescription("?")) is None


@pytest.mark.process
def test_one_process_answers_for_all_and_another_one_when_it_dies():
    requests = [
        details._request("planted", "plain", make({"model": "planted/plain", "model_args": {"fault": fault}}))
        for fault in ("", "exit", "")
    ]
    found = list(details._answers(requests))
    assert [bool(each.unknown) for each in found] == [False, True, False]
    assert found[1].unknown == "its process died"


def test_what_nobody_knows_is_asked_again():
    trial, answers = (
        make({"model": "popular_on_huggingface/google/byt5-small"}),
        [ModelDescription("not here"), of(400)],
    )
    assert details.looked_at(trial, lambda request: answers.pop(0)) is None
    assert details.looked_at(trial, lambda request: answers.pop(0)) == details.known(trial)
    assert not answers and details.known(trial)
