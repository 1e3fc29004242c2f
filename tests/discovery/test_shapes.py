"""The shapes of scripts that real code has: what is found in each, and that it can be taken and exported."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchlib.discovery import journal, runs
from benchlib.discovery.found import Found
from benchlib.discovery.journal import FoundRow, Line, NotTaken, Taken
from tests.discovery.shapes import HEAD, SHAPES, Shape

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]


class Runner:
    """Runs scripts in forks of a process that has imported torch."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", "tests.discovery.warm"]
        self._process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._found: dict[str, list[Line]] = {}

    def found(self, name: str, folder: Path) -> list[Line]:
        """What discovery says of a shape; once."""
        if name not in self._found:
            self._found[name] = self.run(script_of(name, folder), folder / f"{name} found", SHAPES[name].max_depth)
        return self._found[name]

    def run(self, script: Path, folder: Path, max_depth: int, wanted: str = "") -> list[Line]:
        folder.mkdir()
        journal.prepare(folder)
        request = {"script": str(script), "args": [], "folder": str(folder), "max_depth": max_depth, "wanted": wanted}
        print(json.dumps({**request, "into": str(folder)}), file=self._process.stdin, flush=True)
        status = self._process.stdout.readline().strip()
        assert status == "0", f"{status}\n{(folder / 'output').read_text()}"
        return journal.read(folder)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


def script_of(name: str, folder: Path) -> Path:
    path = folder / f"calls_{name.replace(' ', '_')}.py"
    path.write_text(HEAD + SHAPES[name].text)
    return path


def models_of(lines: list[Line]) -> list[Found]:
    return [line.model for line in lines if isinstance(line, FoundRow)]


def described(model: Found, shape: Shape, place: int) -> tuple:
    """The model as the shape tells it: its size and inputs only where it says them, since a library chooses them."""
    told = shape.models[place] if place < len(shape.models) else None
    params = model.params_size if told is None or told.params else 0
    inputs = model.inputs if told is None or told.inputs else ""
    return model.name, params, model.executed, model.called_in, inputs


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_called_is_found_under_its_own_name(runner, tmp_path, name):
    shape = SHAPES[name]
    lines = runner.found(name, tmp_path)
    found = [described(model, shape, place) for place, model in enumerate(models_of(lines))]
    assert found == [(m.name, m.params, m.executed, m.called_in, m.inputs) for m in shape.models]
    assert runs._remarks(lines) == list(shape.remarks)


EXPORTED = [name for name, shape in SHAPES.items() if shape.exported]
EXPORTS = """
import sys
from pathlib import Path

import torch
from benchlib import tensors
from benchlib.models import call
from benchlib.models._saved import META, StoredModule, open_saved

for folder in sys.argv[1:]:
    meta = StoredModule.read(Path(folder) / META)
    module, (flat, structure) = open_saved(Path(folder) / "model.pt"), tensors.load(Path(folder) / "inputs.npz")
    inputs = tensors.unflatten(structure, flat)
    inputs = {name: torch.from_numpy(value) for name, value in inputs.items()}
    positional = [inputs.pop(name) for name in meta.positional]
    expected = module(*positional, **inputs)
    if isinstance(module, torch.jit.ScriptModule):
        torch.testing.assert_close(torch.jit.freeze(module.eval())(*positional, **inputs), expected)
    else:
        program = torch.export.export(module, tuple(positional), inputs)
        torch.testing.assert_close(program.module()(*positional, **inputs), expected)
    print(folder.rpartition("/")[2], list(expected.shape))
"""


def test_what_is_found_can_be_taken_and_exported(runner, tmp_path):
    """The first model of each shape, as a process that knows no script opens it."""
    folders = {}
    for name in EXPORTED:
        script, depth = script_of(name, tmp_path), SHAPES[name].max_depth
        hash = models_of(runner.found(name, tmp_path))[0].hash
        lines = runner.run(script, tmp_path / script.stem, depth, hash)
        assert isinstance(lines[-1], Taken), (name, [line.text for line in lines if isinstance(line, NotTaken)])
        folders[script.stem] = str(tmp_path / script.stem)
    (tmp_path / "exports.py").write_text(EXPORTS)
    done = subprocess.run(
        [sys.executable, "exports.py", *folders.values()], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(folders)
