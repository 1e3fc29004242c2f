"""`benchlib cache …` and `--lean`, as a user types them."""

import json
import os
import subprocess
import sys
import time

import pytest

from benchlib import artifacts

KEYS = {"old": "a" * 64, "new": "b" * 64}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Two artifacts, a model and a failure."""
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    decided = {"exporter": "script", "options": {"fold": True}, "passes": ["default", "ort"], "target_opset": 18}
    for name, key in KEYS.items():
        with artifacts.storing("artifacts", name, key, decided) as (folder, facts):
            (folder / "model.onnx").write_bytes(b"x" * 5000)
            (folder / "log_export.txt").write_text("it went well")
            stages = [{"stage": "export", "seconds": 1.5, "size": 5000}, {"stage": "ort", "seconds": 0.25}]
            facts |= {"time_export": 1.5, "onnx_opset": 18, "operators": {"Add": 2, "MatMul": 12}, "stages": stages}
    with artifacts.storing("models", "new", KEYS["new"], {"source": ["timm", "x"], "parameters": {"seed": 0}}):
        pass
    error = {"stage": "export", "type": "RuntimeError", "message": "no such operator\nand more"}
    artifacts.failed("artifacts", "bad", "c" * 64, {"exporter": "onnx_dynamo"}, error)
    week_ago = time.time() - 8 * 86400
    os.utime(tmp_path / "cache" / "artifacts" / "old_aaaaaaaa" / artifacts.STATE, (week_ago, week_ago))
    artifacts.let_go()
    return tmp_path / "cache"


def leave_unfinished(name: str, key: str) -> None:
    """What a process leaves that dies while it stores an artifact."""
    code = (
        "import os, sys; from benchlib import artifacts\n"
        "with artifacts.storing('artifacts', sys.argv[1], sys.argv[2], {}) as (folder, facts):\n"
        "    (folder / 'half').write_text('x')\n"
        "    os._exit(1)"
    )
    assert subprocess.run([sys.executable, "-c", code, name, key]).returncode == 1


def addresses(command, *words: str) -> list[str]:
    return command("cache", "list", "-q", *words).stdout.split()


def test_list(main, cache):
    lines = main("cache", "list").stdout.splitlines()
    assert lines[0].split() == ["address", "kind", "made", "by", "size", "used", "status"]
    old = next(line for line in lines if line.startswith("old_aaaaaaaa"))
    assert "script+default+ort, opset 18, fold=True" in old and "8 d ago" in old and old.endswith("successful")
    bad = next(line for line in lines if line.startswith("bad_cccccccc"))
    assert "failures" in bad and "onnx_dynamo" in bad and bad.endswith("failed")
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--kind", "failures"), ["failures/bad_cccccccc"]),
        (("new",), ["artifacts/new_bbbbbbbb", "models/new_bbbbbbbb"]),
        (("n*", "--kind", "models"), ["models/new_bbbbbbbb"]),
        (("nothing",), []),
        (("--kind", "outputs"), []),
    ],
)
def test_list_of_some(main, cache, words, found):
    assert addresses(main, *words) == found


def test_stats(main, cache):
    rows = {line.split()[0]: line for line in main("cache", "stats").stdout.splitlines()}
    assert rows["artifacts"].split()[1] == "2" and rows["models"].split()[1] == "1"
    assert "of 20 GiB" in rows["together"]
    text = main("cache", "stats", "old_aaaaaaaa").stdout
    for wanted in (
        "artifacts/old_aaaaaaaa",
        "export  1.5 s",
        "12 MatMul, 2 Add",
        "4.88 KiB",
        "log_export.txt",
        "onnx_opset",
    ):
        assert wanted in text, text
    assert artifacts.by_address("old_aaaaaaaa").files["model.onnx"]["sha256"] in text
    text = main("cache", "stats", "bad_cccccccc").stdout
    assert "no such operator" in text and "RuntimeError" in text and "failed" in text


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("old_aaaaaaaa",), {"artifacts/new_bbbbbbbb", "models/new_bbbbbbbb", "failures/bad_cccccccc"}),
        (("models/new_bbbbbbbb", "models/new_bbbbbbbb"), {"artifacts/new_bbbbbbbb", "artifacts/old_aaaaaaaa",
                                                           "failures/bad_cccccccc"}),
        (("--older-than", "7d"), {"artifacts/new_bbbbbbbb", "models/new_bbbbbbbb", "failures/bad_cccccccc"}),
        (("--kind", "artifacts"), {"models/new_bbbbbbbb", "failures/bad_cccccccc"}),
        (("--all",), set()),
    ],
)  # fmt: skip
def test_delete(main, cache, words, left):
    before = len(artifacts.entries())
    said = main("cache", "delete", *words).stderr
    assert set(addresses(main)) == left
    gone = before - len(left)
    assert said.startswith(f"deleted {gone} entr{'y' if gone == 1 else 'ies'}, ") and "freed" in said


@pytest.mark.process
def test_what_is_in_use_stays_and_is_told(command, cache):
    assert artifacts.find("artifacts", "new", KEYS["new"])
    assert "1 stay" in command("cache", "delete", "--all").stderr
    assert addresses(command) == ["artifacts/new_bbbbbbbb"]
    artifacts.let_go()
    assert command("cache", "delete", "--all", "-q").stderr == ""
    assert addresses(command) == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("stats", "odl_aaaaaaaa"), "did you mean 'old_aaaaaaaa'"),
        (("delete", "old"), "did you mean 'old_aaaaaaaa'"),
        (("stats", "new_bbbbbbbb"), "artifacts/new_bbbbbbbb, models/new_bbbbbbbb"),
        (("delete",), "give addresses"),
        (("delete", "old_aaaaaaaa", "--all"), "give addresses, or"),
        (("delete", "--older-than", "long"), "'long' is no time"),
        (("list", "--kind", "artifcts"), "did you mean 'artifacts'"),
    ],
)
def test_mistakes_are_one_line_and_status_2(main, cache, words, wanted):
    said = main("cache", *words, expect=2).stderr
    assert wanted in said and len(said.splitlines()) == 1
    assert len(artifacts.entries()) == 4


@pytest.mark.process
def test_clean(main, cache):
    (cache / "artifacts" / "old_aaaaaaaa" / "model.onnx").write_text("short")
    leave_unfinished("new", "d" * 64)
    assert main("cache", "clean").stderr.startswith("1 broken, 1 unfinished; ")
    assert set(addresses(main)) == {"artifacts/new_bbbbbbbb", "models/new_bbbbbbbb", "failures/bad_cccccccc"}
    assert "1 made lean" in main("cache", "clean", "--lean").stderr
    assert "of 4.89 KiB" in main("cache", "stats", "artifacts/new_bbbbbbbb").stdout
    assert artifacts.by_address("artifacts/new_bbbbbbbb").status == "lean"


def test_another_cache(main, cache, tmp_path):
    other = str(tmp_path / "other")
    assert main("cache", "location").stdout.strip() == str(cache)
    assert main("cache", "location", "--cache-dir", other).stdout.strip() == other
    assert "nothing in" in main("cache", "list", "--cache-dir", other).stdout


@pytest.mark.parametrize("words", [("list",), ("stats",), ("location",), ("clean",), ("delete", "--all")])
def test_a_folder_given_by_mistake_stays_as_it_is(main, tmp_path, words):
    """A home, and one that is not there."""
    home = tmp_path / "home"
    for name in ("models/thesis_20241128/thesis.tex", "models/.editor_settings.d/init.lua", "models/x.lock"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("ten years of work")
    home.chmod(0o755)

    def seen():
        return {str(path): (path.stat().st_mode, path.stat().st_mtime_ns) for path in [home, *home.rglob("*")]}

    before = seen()
    main("cache", *words, "--cache-dir", str(home))
    assert seen() == before
    main("cache", *words, "--cache-dir", str(tmp_path / "missing"))
    assert not (tmp_path / "missing").exists()


@pytest.mark.process
def test_no_trial_runs_with_a_folder_given_by_mistake(command, tmp_path):
    (tmp_path / "home").mkdir(mode=0o755)
    (tmp_path / "home" / "thesis.tex").write_text("ten years of work")
    words = ["--exporter", "planted", "--reference", "{exporter: planted}", "--level", "smoke", "-q"]
    said = command("run", "planted/plain", *words, "--cache-dir", str(tmp_path / "home"), expect=2).stderr
    assert "home holds other things than a cache" in said and len(said.splitlines()) == 1
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["thesis.tex"]
    assert not (tmp_path / "outputs").exists()


@pytest.mark.process
def test_lean_keeps_the_figures_and_drops_the_files(command, tmp_path):
    """Trials that share a model and an artifact: both go after the last of them."""
    words = ["--exporter", "planted", "--reference", "{exporter: planted}", "--level", "smoke", "-q"]
    own = ["--cache-dir", str(tmp_path / "cache"), "--warmup", "1", "--repeat", "3,4"]
    command("run", "planted/plain", *words, *own, "--lean")
    events = [json.loads(line) for line in (tmp_path / "outputs" / "run" / "journal.jsonl").read_text().splitlines()]
    lean = next(e for e in events if e["event"] == "lean")
    assert lean["entries"] >= 3 and lean["freed"] > 0
    assert [e["exports"] for e in events if e["event"] == "trial"] == [1, 0]
    listed = command("cache", "list", *own[:2]).stdout
    statuses = {line.split()[1]: line.split()[-1] for line in listed.splitlines()[1:]}
    assert statuses["models"] == statuses["artifacts"] == "lean"
    assert (tmp_path / "outputs" / "run" / "results.csv").read_text().count("\n") == 3
