"""Names that a catalogue lacks: tags, names beyond it, and suites whose package is missing."""

from types import SimpleNamespace

import pytest

from benchlib import machine
from benchlib.errors import UserError
from benchlib.plan import selections
from benchlib.plan.expand import expand
from benchlib.plan.study import from_options


def test_a_name_of_timm_may_carry_a_tag(monkeypatch):
    monkeypatch.setattr(selections, "more", lambda suite: ["resnet18", "resnet18d"])
    monkeypatch.setattr(selections, "tags", lambda suite: ["resnet18.a1_in1k", "lcnet_050.ra2_in1k"])
    assert selections.select("timm/resnet18.a1_in1k") == ["timm/resnet18.a1_in1k"]
    assert selections.select("timm/lcnet_050.ra2_in1k") == ["timm/lcnet_050.ra2_in1k"]
    for nothing in ("timm/nosuch.a1_in1k", "torchvision/resnet18.a1_in1k"):
        with pytest.raises(UserError, match="has no such model"):
            selections.select(nothing)
    with pytest.raises(UserError, match=r"resnet18 has no such tag; did you mean 'resnet18.a1_in1k'"):
        selections.select("timm/resnet18.a2_in1k")


def test_where_the_package_is_missing_the_plan_says_so(monkeypatch):
    version = machine.package_version
    monkeypatch.setattr(machine, "package_version", lambda name: None if name == "timm" else version(name))
    plan = expand(from_options("x", {"model": ["timm/resnet18"], "exporter": ["eager"]}))
    assert [(p.status, p.reason) for p in plan.trials] == [
        ("skipped", "timm models need the package timm, which is not installed")
    ]


def test_a_suite_that_cannot_list_its_models_says_why_in_one_line(monkeypatch):
    failed = SimpleNamespace(returncode=1, stdout="", stderr="Traceback\n  …\nImportError: no such library\n")
    monkeypatch.setattr(selections.subprocess, "run", lambda *args, **kwargs: failed)
    with pytest.raises(UserError, match=r"^the suite timm does not list its models: ImportError: no such library$"):
        selections._ask("timm", "more")


def test_a_package_inside_one_that_is_missing_is_told():
    (one,) = expand(from_options("x", {"model": ["package:no_such_package.inner/model"]})).trials
    assert one.status == "skipped" and "the package 'no_such_package.inner' is not installed" in one.reason


@pytest.mark.parametrize("model", ["explicit", "explicit/"])
def test_a_suite_alone_is_told_how_to_select_of_it(model):
    with pytest.raises(UserError, match=rf"^model '{model}' is a whole suite: .*explicit/all, explicit/Head"):
        selections.select(model)
