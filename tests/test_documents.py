"""README and docs/: links lead somewhere, commands are commands, what is generated is as it would be made now."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from benchlib import cli, yaml_file
from benchlib.record.metrics import METRICS
from benchlib.trial import Trial
from tests import pages

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
_OTHERS = {"source", "papermill"}  # commands that are not ours


def shown(document: Path) -> list[str]:
    """The command lines of a document, without their remarks."""
    blocks = re.findall(r"^```console\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


COMMANDS = [(document.name, line) for document in DOCUMENTS for line in shown(document)]


def anchors(document: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    for link in links:
        name, _, anchor = link.partition("#")
        target = document if not name else (document.parent / name).resolve()
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_reached_from_the_readme():
    linked = set(re.findall(r"\]\(docs/([^)#]+)\)", (ROOT / "README.md").read_text()))
    assert linked == {path.name for path in (ROOT / "docs").glob("*.md")}


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


@pytest.mark.parametrize(("document", "line"), COMMANDS, ids=[f"{name}: {line[:40]}" for name, line in COMMANDS])
def test_each_command_is_one(document, line):
    """Parsed by the real command line, options and values and all; nothing is run."""
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        assert words[1] in TARGETS
        return
    if words[:3] == ["python", "-m", "benchlib"]:
        words = ["benchlib", *words[3:]]
    if words[0] in _OTHERS or words[:2] == ["python", "-m"]:
        return
    assert words[0] == "benchlib"
    group = typer.main.get_command(cli.app)
    context = group.make_context("benchlib", words[1:], resilient_parsing=True)
    name, command, rest = group.resolve_command(context, words[1:])
    while getattr(command, "commands", None):
        name, command, rest = command.resolve_command(context, rest)
    command.make_context(name, list(rest), resilient_parsing=False)


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_generated_page_is_as_it_would_be_made_now(name):
    assert (ROOT / "docs" / name).read_text() == pages.PAGES[name]() + "\n", "run `make pages`"


def test_the_generated_pages_have_every_parameter_and_every_metric():
    page = (ROOT / "docs" / "command-line.md").read_text()
    assert all(f"--{name.replace('_', '-')}" in page for name in Trial.model_fields if name != "model")
    page = (ROOT / "docs" / "glossary.md").read_text()
    assert all(f"| `{name}` |" in page for name in METRICS)


def test_the_study_of_the_readme_is_one(tmp_path):
    from benchlib.plan import study

    block = re.search(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "exporters.yaml").write_text(block[1])
    assert yaml_file.read(tmp_path / "exporters.yaml")["name"] == study.read(tmp_path / "exporters.yaml").name
