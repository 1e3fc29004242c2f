"""`benchlib list …`, as a user types it."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from benchlib.cli_list import models_as_text
from benchlib.plan import details, listing

ROW = listing.ModelRow(
    "timm", 3, "resnet18", "image-classification", params_size=11_689_512, weights_size=4,
    input_shapes="x: float32[1×3×224×224], y: float32[1×3×224×224]", batch_size=128,
)  # fmt: skip
HEAVY = ("torch", "onnx", "onnxruntime", "transformers", "timm", "torchvision", "pandas")


def test_the_suites_with_how_many_models_each_has(main):
    lines = main("list").stdout.splitlines()
    assert lines[0].split() == ["suite", "models", "run", "here"]
    rows = {line.split()[0]: line.split()[1:3] for line in lines[1:]}
    assert rows["explicit"][0] == rows["explicit"][1] == str(len(listing.models("explicit")))
    assert rows["timm"][0].endswith("+")
    assert {row["suite"] for row in json.loads(main("list", "--json").stdout)} >= {"timm", "huggingface", "issues"}


@pytest.mark.process
def test_the_models_of_several_suites_and_selections(main):
    text = main("list", "explicit", "huggingface/Bert").stdout
    one, other = text.split("\n\n")
    assert one.splitlines()[0].startswith("explicit: ")
    assert one.splitlines()[2].split()[:2] == ["0", "mlp"]
    assert all("bert" in line.lower() for line in other.splitlines()[2:] if line.split()[0].isdigit())
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.process
def test_listing_imports_nothing_heavy():
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in HEAVY)
    suites = [row.suite for row in listing.overview() if row.models]
    for words in ([], suites):
        code = f"import sys; {blocked} sys.argv[1:] = {['list', *words]!r}; from benchlib.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "explicit" in done.stdout


@pytest.mark.process
def test_details_are_found_once_and_shown_from_then_on(command, monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    assert "parameters" not in command("list", "explicit").stdout
    done = command("list", "explicit/mlp", "--details")
    assert "details: mlp" in done.stderr
    later = command("list", "explicit", "--details")
    assert later.stderr == ""
    line = next(line for line in later.stdout.splitlines() if line.split()[1:2] == ["mlp"])
    assert "float32[1×64]" in line
    found = json.loads(command("list", "explicit/mlp", "--json").stdout)[0]
    assert found["weights_size"] == 4 * found["params_size"] > 0


def test_all_shows_the_names_beyond_the_catalogue(monkeypatch):
    monkeypatch.setattr(listing.selections, "more", lambda suite: ["beyond_it"])
    names = {row.name: row.index for row in listing.models("timm", beyond=True)}
    assert names["beyond_it"] is None
    assert "beyond_it" not in [row.name for row in listing.models("timm")]


def test_what_a_model_lacks_and_is_stands_beside_it_and_no_name_is_cut():
    long = "a_" * 50 + "model"
    needs = "needs a package that is not on PyPI, and a licence for data that nobody has had for many years now, alas"
    rows = [ROW, replace(ROW, name=long), replace(ROW, missing=f"resnet18 {needs}", alias_of="resnet18.a1")]
    lines = models_as_text("timm", rows).splitlines()
    assert lines[0] == "timm: 3 models, 2 can run here"
    assert "11.7 M    128  2 × float32[1×3×224×224]  yes" in lines[2]
    assert any(line.endswith(long) for line in lines)
    below = " ".join(" ".join(lines[-2:]).split())
    assert below == f"{needs}; is resnet18.a1"
    assert max(map(len, lines)) <= 120


def test_a_suite_that_lacks_its_package_has_nothing_to_ask(monkeypatch):
    monkeypatch.setattr(listing, "without_packages", lambda source: "timm models need the package timm")
    monkeypatch.setattr(details, "fill", lambda *_: pytest.fail("nothing can be found here"))
    rows = listing.models("explicit", fill=True)
    assert {row.missing for row in rows} == {"timm models need the package timm"}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("explict",), "did you mean 'explicit'"),
        (("explicit/mpl",), "did you mean 'mlp'"),
        (("tim/x",), "'timm'"),
        (("--details",), "name one"),
        (("/x/net.py",), "'discover /x/net.py' shows"),
    ],
)
def test_a_wrong_name_is_one_line(main, words, wanted):
    done = main("list", *words, expect=2)
    assert wanted in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
