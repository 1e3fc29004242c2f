"""When a script runs again, and which model it then is: whatever it reads can be edited."""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from benchlib import discovery
from benchlib.discovery.dependencies import content_of
from benchlib.mistakes import make
from benchlib.remembered import forget
from tests.discovery.kept import dependencies

pytestmark = pytest.mark.process

READS_ALL = """
import glob, json, os, sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn

here = Path(__file__).parent
sys.path.append(str(here.parent / "elsewhere"))
import network

cfg = json.loads((here / "cfg.json").read_text())

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, cfg["width"])
        self.first.load_state_dict(torch.load(here / "first.pt"))
        self.held, self.scale = network.Scale(), cfg["scale"]
        self.traced = torch.jit.load(str(here / "traced.pt"))
        for name, tensor in load_file(here / "second.safetensors").items():
            self.register_buffer(name, tensor)
        session = onnxruntime.InferenceSession(here / "large.onnx")
        self.register_buffer("large", torch.from_numpy(session.run(None, {})[0]))
        self.depth = int(os.environ.get("NET_DEPTH", 1))
        self.more = sorted(os.path.basename(f) for f in glob.glob(str(here / "parts" / "*")))
        self.flag = (here / "flag").exists()
        self.size = Tokenizer.from_file(str(here / "tokenizer.json")).get_vocab_size()

    def forward(self, x):
        return self.held(self.first(x))

net = Net()
net(torch.ones(1, 2))
(here / "evaluation.json").read_text()
(here / "run.log").open("a").write("done")
"""
NETWORK = """
import torch

class Scale(torch.nn.Module):
    def forward(self, x):
        return x * 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A script with everything that a script may read."""
    import onnx
    import torch
    from onnx import TensorProto, helper, numpy_helper
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models

    place = tmp_path_factory.mktemp("project") / "net"
    for inner in (place, place.parent / "elsewhere", place / "parts"):
        inner.mkdir()
    (place / "net.py").write_text(READS_ALL)
    (place.parent / "elsewhere" / "network.py").write_text(NETWORK)
    (place / "cfg.json").write_text('{"width": 3, "scale": 2}')
    torch.save(torch.nn.Linear(2, 3).state_dict(), place / "first.pt")
    torch.jit.save(torch.jit.trace(torch.nn.Linear(3, 3), torch.ones(1, 3)), place / "traced.pt")
    save_file({"second": torch.ones(3)}, place / "second.safetensors")
    weights = numpy_helper.from_array(np.ones(512, np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["y"])],
        "g",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [512])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, place / "large.onnx", save_as_external_data=True, location="large.data", size_threshold=0)
    Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).save(str(place / "tokenizer.json"))
    (place / "evaluation.json").write_text("{}")
    return place


@pytest.fixture(scope="module")
def first(folder):
    return discovery.discover(folder / "net.py")


def edit_binary(path: Path) -> None:
    """One bit of a weight, which lies before the end of these formats in the middle of the file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


FILES = ("first.pt", "traced.pt", "second.safetensors", "large.onnx", "large.data", "tokenizer.json", "cfg.json")


def test_each_file_that_a_script_reads_is_noted_and_its_edit_undone_is_none(folder, first):
    known = dependencies(folder / "net.py")
    assert first.ended == "" and known.unseen == [] and known.difference() == ""
    for path in (*(folder / name for name in FILES), folder.parent / "elsewhere" / "network.py"):
        before = path.read_bytes()
        edit_binary(path)
        assert known.difference() == str(path)
        path.write_bytes(before)
        assert known.difference() == ""


def test_names_that_are_looked_for_or_listed_and_variables_count(folder, first, monkeypatch):
    known = dependencies(folder / "net.py")
    for path, said in ((folder / "flag", folder / "flag"), (folder / "parts" / "new", folder / "parts")):
        path.write_text("")
        assert known.difference() == str(said)
        path.unlink()
        assert known.difference() == ""
    monkeypatch.setenv("NET_DEPTH", "2")
    assert known.difference() == "NET_DEPTH"
    assert known.environment["NET_DEPTH"] == "" and not {"PATH", "HOME", "TMPDIR"} & set(known.environment)


def test_what_is_read_after_the_call_packages_and_the_system_count_not(folder, first):
    known = dependencies(folder / "net.py")
    names = {Path(path).name for path in known.files}
    assert names == {*FILES, "network.py"}
    assert not any(path.endswith(("evaluation.json", "run.log")) for path in known.looked_for)


def rewritten(folder: Path) -> dict[Path, bytes]:
    """Other contents, with which the script runs too."""
    import torch
    from safetensors.torch import save

    torch.manual_seed(1)
    weights, traced = io.BytesIO(), io.BytesIO()
    torch.save(torch.nn.Linear(2, 3).state_dict(), weights)
    torch.jit.save(torch.jit.trace(torch.nn.Linear(3, 3), torch.ones(1, 3)), traced)
    return {
        folder / "first.pt": weights.getvalue(),
        folder / "traced.pt": traced.getvalue(),
        folder / "second.safetensors": save({"second": torch.zeros(3)}),
        folder / "large.data": np.zeros(512, np.float32).tobytes(),
        folder / "cfg.json": b'{"width": 3, "scale": 5}',
        folder.parent / "elsewhere" / "network.py": NETWORK.replace("x * 2", "x * 3").encode(),
    }


@pytest.mark.slow
def test_the_bytes_say_which_model_it_is(folder, first, monkeypatch):
    """Each edit makes another model; undone, the first one has its hash again. A remark makes none."""
    script, (model,) = folder / "net.py", first.models
    hashes = []
    for path, content in rewritten(folder).items():
        before = path.read_bytes()
        path.write_bytes(content)
        hashes.append(discovery.discover(script).models[0].hash)
        path.write_bytes(before)
    monkeypatch.setenv("NET_DEPTH", "2")
    hashes.append(discovery.discover(script).models[0].hash)
    monkeypatch.delenv("NET_DEPTH")
    assert len({model.hash, *hashes}) == len(hashes) + 1
    script.write_text(f"# a remark\n{READS_ALL}")
    assert discovery.discover(script).models[0].hash == model.hash


UNSEEDED = """
import random, time
import numpy as np
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.drawn = [random.random(), random.Random().random(), *np.random.rand(2), *np.random.default_rng().random(2)]
        self.order, self.made = list({"a", "b", "c", "d"}), time.time()

    def forward(self, x):
        return self.fc(x)

Net()(torch.randn(2, 3))
print(time.time_ns())
"""


def test_a_script_without_a_seed_repeats_and_can_be_taken(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(UNSEEDED)
    first = discovery.discover(script)
    assert discovery.discover(script).output == first.output, "it is kept"
    script.write_text(f"{UNSEEDED}\n")
    again = discovery.discover(script)
    assert again.output != first.output and again.models[0].hash == first.models[0].hash
    discovery.take(script, [], 0, first.models[0].hash, tmp_path)
    assert (tmp_path / "model.pt").exists()


UNSEEN = {
    "starts another process": "import subprocess\nsubprocess.run(['true'])\n",
    "connects to a socket": (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname())\n"
    ),
    "reads and writes": "import pathlib\np = pathlib.Path('state.txt')\np.write_text(p.read_text() + '1')\n",
}


@pytest.mark.parametrize("what", UNSEEN)
def test_what_cannot_be_seen_runs_again_at_each_plan_and_once_for_its_trials(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state.txt").write_text("1")
    script = tmp_path / "net.py"
    script.write_text(f"{UNSEEN[what]}import time\nprint(time.time_ns())\n")
    first = discovery.discover(script)
    assert [line.startswith(what) for line in dependencies(script).unseen] == [True]
    again = discovery.discover(script)
    assert again.output != first.output
    monkeypatch.setenv("BENCHLIB_RUN", "a-trial")
    if "writes" not in what:  # what it wrote is another file now
        assert discovery.discover(script).output == again.output


LAZY = """
import os
from pathlib import Path
import torch
from torch import nn

class Lazy(nn.Module):
    table = None

    def forward(self, x):
        if self.table is None:
            self.table = torch.tensor([float(v) for v in Path("table.txt").read_text().split()])
            self.other = Path("other/table.txt").read_text()
        return self.table * x * (2 if os.environ.get("TWICE") else 1)

print(len(Path("table.txt").read_text()), os.environ.get("TWICE"))  # known before the model reads them
net = Lazy()
net(torch.ones(3, 1))
print(Path("after.txt").exists())
torch.relu(torch.ones(1))
"""


def test_what_a_model_reads_while_it_is_called_is_a_part_of_it(tmp_path, monkeypatch):
    """Its weights and its code are the same: only what was read tells."""
    monkeypatch.chdir(tmp_path)
    script, table = tmp_path / "net.py", tmp_path / "table.txt"
    script.write_text(LAZY)
    table.write_text("1 2 3 4")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "table.txt").write_text("one")

    def identity():
        forget()
        trial = make({"model": f"{script}::{discovery.discover(script).models[0].hash}"})
        return trial.key()

    first = identity()
    table.write_text("1 2 3 4 5 6 7")
    second = identity()
    monkeypatch.setenv("TWICE", "1")
    third = identity()
    (tmp_path / "other" / "table.txt").write_text("another")
    assert identity() not in (first, second, third), "of two files of one name each counts"
    (tmp_path / "other" / "table.txt").write_text("one")
    assert len({first, second, third}) == 3
    (tmp_path / "after.txt").write_text("read when it was called already")
    assert identity() == third
    monkeypatch.delenv("TWICE")
    table.write_text("1 2 3 4")
    assert identity() == first, "undone"
    assert discovery.discover(script).in_calls


IN_CALLS = """
import functools, json, os, torch

@functools.lru_cache
def table():
    return json.load(open("warm.json"))

class Shapeless(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.LazyLinear(4)

    def forward(self, x):
        return self.fc(x) * float(os.environ.get("SCALE", "1"))

class Looks(torch.nn.Module):
    def forward(self, x):
        import late
        return x * late.NUMBER * (2 if os.path.exists("flag") else 1) * len(os.listdir("parts"))

class Warm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.n = len(table())

    def forward(self, x):
        return x * table()[0]

dict(shapeless=Shapeless, looks=Looks, warm=Warm)[os.environ["WHICH"]]()(torch.ones(1, 3))
"""


@pytest.mark.parametrize("which", ["shapeless", "looks", "warm"])
def test_whatever_a_model_asks_for_in_its_first_call_or_may_hold_from_before_is_a_part_of_it(
    which, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "net.py"
    script.write_text(IN_CALLS)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "one").touch()
    (tmp_path / "late.py").write_text("NUMBER = 1\n")
    (tmp_path / "warm.json").write_text("[1]")
    monkeypatch.setenv("WHICH", which)

    def identity():
        forget()
        return make({"model": f"{script}::{discovery.discover(script).models[0].hash}"}).key()

    first, found = identity(), []
    assert identity() == first
    if which == "shapeless":
        monkeypatch.setenv("SCALE", "2")
        found.append(identity())
        monkeypatch.delenv("SCALE")
    elif which == "looks":
        for name in ("flag", "parts/another"):
            (tmp_path / name).touch()
            found.append(identity())
            (tmp_path / name).unlink()
        (tmp_path / "late.py").write_text("NUMBER = 20\n")
        found.append(identity())
        (tmp_path / "late.py").write_text("NUMBER = 1\n")
    else:
        (tmp_path / "warm.json").write_text("[2]")
        found.append(identity())
        (tmp_path / "warm.json").write_text("[1]")
    assert first not in found and len({*found}) == len(found)
    assert identity() == first, "undone"


def test_what_a_package_asks_for_when_it_is_imported_counts(tmp_path, monkeypatch):
    script = tmp_path / "net.py"
    script.write_text("import torch\nfrom timm.layers import config\ntorch.nn.Linear(3, 3)(torch.ones(1, 3))\n")
    discovery.discover(script)
    assert "TIMM_FUSED_ATTN" in dependencies(script).environment
    monkeypatch.setenv("TIMM_FUSED_ATTN", "0")
    assert dependencies(script).difference() == "TIMM_FUSED_ATTN"


def test_names_that_packages_draw_repeat(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(
        "import torch, uuid\nnet = torch.nn.Linear(3, 3)\nnet.key = str(uuid.uuid4())\nnet(torch.ones(1, 3))\n"
    )
    found = discovery.discover(script)
    discovery.take(script, [], 0, found.models[0].hash, tmp_path)


def test_a_child_that_is_called_with_another_number_is_another(tmp_path):
    script = tmp_path / "net.py"
    text = """
import torch
class TopK(torch.nn.Module):
    def forward(self, x, k, rows): return x.topk(k).values[rows]
class Top(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = TopK()
    def forward(self, x): return self.inner(x, %s, torch.tensor([%s]))
Top()(torch.rand(3, 10))
"""
    hashes = []
    for numbers in ((2, 0), (5, 0), (2, 1), (2, 0)):
        script.write_text(text % numbers)
        hashes.append(next(m.hash for m in discovery.discover(script, max_depth=1).models if m.depth))
    assert hashes[0] == hashes[3] and len({*hashes}) == 3


def test_a_run_that_failed_is_made_again(tmp_path):
    script = tmp_path / "net.py"
    script.write_text("import time\nprint(time.time_ns())\nraise SystemExit(3)\n")
    assert discovery.discover(script).output != discovery.discover(script).output


def test_a_script_that_makes_another_model_when_it_is_loaded_says_so(tmp_path):
    script = tmp_path / "net.py"
    script.write_text("import os, torch\nnet = torch.nn.Linear(3, os.urandom(1)[0] + 1)\nnet(torch.ones(1, 3))\n")
    found = discovery.discover(script)
    with pytest.raises(Exception, match=r"^the script made another model: net.py calls no model with the hash"):
        discovery.take(script, [], 0, found.models[0].hash, tmp_path)


def test_a_file_that_is_not_there_yet_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "net.py"
    script.write_text("try:\n    print(open('more.txt').read())\nexcept FileNotFoundError:\n    print('none')\n")
    assert discovery.discover(script).output == "none\n"
    (tmp_path / "more.txt").write_text("more")
    assert discovery.discover(script).output == "more\n"


def test_the_digest_of_a_large_file_is_that_of_its_size_its_time_and_a_sample(tmp_path):
    file = tmp_path / "large"
    with file.open("wb") as opened:
        opened.truncate((64 << 20) + 1)
    first = content_of(str(file))
    os.utime(file, ns=(1, 1))
    second = content_of(str(file))
    with file.open("r+b") as opened:
        opened.write(b"1")
    os.utime(file, ns=(1, 1))
    assert len({first, second, content_of(str(file)), content_of(str(tmp_path / "none"))}) == 4
    assert sys.version_info
