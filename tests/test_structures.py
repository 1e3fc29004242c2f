"""What a model is called with comes back as what it was: its classes, and what they hold beside tensors."""

import collections
import datetime
import functools
import json
import pickle
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from benchlib import structures, tensors
from benchlib.errors import UserError
from benchlib.structures import NONE, SOME
from tests import given_classes as given

X = torch.arange(6.0).reshape(2, 3)


def derived():
    batch = given.Derived(X, X + 1)
    batch.more = X + 2
    return batch


def listed():
    found = given.Listed([X, 1])
    found.word = "a"
    return found


def tagged():
    found = X.clone().as_subclass(given.Tagged)
    found.unit = "mm"
    return found


def dynamic_cache():
    from transformers import DynamicCache

    cache = DynamicCache()
    for layer in range(2):
        cache.update(torch.randn(1, 2, 3, 4), torch.randn(1, 2, 3, 4), layer)
    return cache


def static_cache():
    from transformers import GPT2Config, StaticCache

    cache = StaticCache(config=GPT2Config(n_embd=8, n_layer=1, n_head=2), max_cache_len=4)
    cache.update(torch.ones(1, 2, 2, 4), torch.ones(1, 2, 2, 4), 0)
    return cache


def encoder_decoder_cache():
    from transformers import EncoderDecoderCache

    return EncoderDecoderCache(dynamic_cache(), dynamic_cache())


def model_output():
    from transformers.modeling_outputs import BaseModelOutput

    return BaseModelOutput(last_hidden_state=X, hidden_states=(X, X + 1))


def graph():
    from torch_geometric.data import Data

    return Data(x=X, edge_index=torch.tensor([[0, 1], [1, 0]]), name="small")


def graphs():
    from torch_geometric.data import Batch

    return Batch.from_data_list([graph(), graph()])


def image():
    from torchvision import tv_tensors

    return tv_tensors.BoundingBoxes(X[:, :2].repeat(1, 2), format="XYXY", canvas_size=(4, 4))


HOLDING = {  # makes a value -> the names of the tensors in it
    "a dataclass": (lambda: given.Batch(X, X + 1), ["x", "weight"]),
    "one in another": (lambda: given.Batch([given.Frozen(X)], {"a": X}), ["x_0_x", "weight_a"]),
    "a frozen one": (lambda: given.Frozen(X), ["x"]),
    "one with more than its fields": (derived, ["x", "weight", "more"]),
    "an object": (lambda: given.Plain(X), ["x", "mask"]),
    "a circle": (lambda: given.Linked(X), ["x", "inner_x", "inner_mask"]),
    "slots": (lambda: given.Slotted(X), ["0"]),
    "an own reduction": (lambda: given.Reduced(X, "w"), ["x"]),
    "a list with an attribute": (listed, ["0"]),
    "a named tuple": (lambda: given.State(X, (X,)), ["h", "c_0"]),
    "an old named tuple": (lambda: given.Pair(X, None), ["left"]),
    "an ordered dict": (lambda: collections.OrderedDict(b=X, a=X), ["b", "a"]),
    "a dict with a default": (lambda: collections.defaultdict(list, {"a": X}), ["a"]),
    "a deque": (lambda: collections.deque([X, X + 1], maxlen=3), ["0", "1"]),
    "keys that are pairs": (lambda: {("user", 1): X, "a": X}, ["__user___1_", "a"]),
    "results of torch": (lambda: torch.max(X, 1), ["0", "1"]),
    "packed": (
        lambda: pack_sequence([X, X[:1]], enforce_sorted=False),
        ["data", "batch_sizes", "sorted_indices", "unsorted_indices"],
    ),
    "a cache": (dynamic_cache, ["0_keys", "0_values", "1_keys", "1_values"]),
    "a static cache": (static_cache, ["0_keys", "0_values", "0_cumulative_length"]),
    "two caches": (
        encoder_decoder_cache,
        [f"{a}_{n}_{b}" for a in ("self", "cross") for n in (0, 1) for b in ("keys", "values")],
    ),
    "an output": (model_output, ["last_hidden_state", "hidden_states_0", "hidden_states_1"]),
    "a graph": (graph, ["x", "edge_index"]),
    "graphs": (graphs, None),
    "sparse": (lambda: torch.eye(3).to_sparse(), ["indices", "values"]),
    "sparse, not coalesced": (lambda: torch.sparse_coo_tensor([[0, 0]], [1.0, 2.0], (3,)), ["indices", "values"]),
    "compressed rows": (lambda: torch.eye(3).to_sparse_csr(), ["crow_indices", "col_indices", "values"]),
    "compressed columns": (lambda: torch.eye(3).to_sparse_csc(), ["ccol_indices", "row_indices", "values"]),
    "blocks": (lambda: torch.eye(4).to_sparse_bsr((2, 2)), ["crow_indices", "col_indices", "values"]),
    "nested": (lambda: torch.nested.nested_tensor([X[0], X[0, :2]]), ["0", "1"]),
    "jagged": (lambda: torch.nested.nested_tensor([X, X[:1]], layout=torch.jagged), ["values", "offsets"]),
    "a class of tensors": (tagged, [""]),
    "boxes": (image, [""]),
}  # fmt: skip
HOLDING_NONE = {
    "device": torch.device("cpu"),
    "dtype": torch.float16,
    "memory format": torch.channels_last,
    "layout": torch.sparse_coo,
    "slice": slice(1, 5, 2),
    "Ellipsis": ...,
    "range": range(2, 9, 3),
    "enum": given.Mode.FAST,
    "set": {1, 2, 3},
    "frozenset": frozenset("ab"),
    "complex": 1 + 2j,
    "bytes": b"ab",
    "shape": torch.Size([2, 3]),
    "date": datetime.date(2026, 11, 29),
    "path": Path("a/b"),
    "class": given.Batch,
    "function": json.dumps,
    "numbers in a tuple of a class": given.State(1, 2.5),
    "a dataclass without tensors": given.Batch(1, None),
    "infinity": float("inf"),
    "a nesting": [{"a": (torch.float16, [slice(None), ...])}, None, {"b": {1}}],
    "a partial": {1: True, None: "x", 2.5: [1]},
}


def there_and_back(value, tmp_path):
    tensors.save(tmp_path / "x.npz", {"value": value})
    arrays, structure = tensors.load(tmp_path / "x.npz")
    return tensors.as_given(structure, arrays)["value"]


def same(one, other):
    if isinstance(one, torch.Tensor):
        assert type(one) is type(other) and one.layout == other.layout and one.dtype == other.dtype
        if one.is_nested:
            return all(map(same, one.unbind(), other.unbind()))
        dense = (one.to_dense(), other.to_dense()) if one.layout != torch.strided else (one, other)
        return torch.equal(*(t.as_subclass(torch.Tensor) for t in dense))
    return type(one) is type(other)


@pytest.mark.parametrize("kind", HOLDING)
def test_what_holds_tensors_comes_back_as_what_it_was(kind, tmp_path):
    value, names = HOLDING[kind][0](), HOLDING[kind][1]
    back = there_and_back(value, tmp_path)
    assert type(back) is type(value)
    leaves, again = tensors.leaves_of({"v": value}), tensors.leaves_of({"v": back})
    assert list(leaves) == list(again) and all(map(same, leaves.values(), again.values()))
    assert same(value, back)
    if names is not None:
        assert list(leaves) == [f"v_{name}" if name else "v" for name in names]
    assert pickle.dumps(sorted(vars(back))) == pickle.dumps(sorted(vars(value))) if hasattr(value, "__dict__") else True


@pytest.mark.parametrize("kind", HOLDING_NONE)
def test_what_holds_none_comes_back_too(kind, tmp_path):
    back = there_and_back(HOLDING_NONE[kind], tmp_path)
    assert back == HOLDING_NONE[kind] and type(back) is type(HOLDING_NONE[kind])


def test_what_a_class_says_of_its_parts_is_kept(tmp_path):
    back = there_and_back((tagged(), image(), listed(), graph(), given.Plain(X)), tmp_path)
    assert back[0].unit == "mm" and back[1].canvas_size == (4, 4) and back[2].word == "a"
    assert back[3].name == "small" and back[3].num_nodes == 2 and back[4].depth == 3
    circle = there_and_back(given.Linked(X), tmp_path)
    assert circle.inner.outer is circle
    packed = there_and_back(pack_sequence([X, X[:1]]), tmp_path)
    assert isinstance(packed, PackedSequence)
    torch.nn.LSTM(3, 2)(packed)
    assert torch.equal(torch.sparse.mm(there_and_back(torch.eye(2).to_sparse_csr(), tmp_path), X), X)
    assert not there_and_back(torch.sparse_coo_tensor([[0, 0]], [1.0, 2.0], (3,)), tmp_path).is_coalesced()


def test_jagged_tensors_of_one_raggedness_stay_so(tmp_path):
    one = torch.nested.nested_tensor([X, X[:1]], layout=torch.jagged)
    back = there_and_back([one, one * 2], tmp_path)
    assert same(back[0] * back[1], one * one * 2)


def test_a_cache_goes_on_and_each_nesting_has_its_own(tmp_path):
    tensors.save(tmp_path / "x.npz", {"full": dynamic_cache(), "empty": type(dynamic_cache())()})
    arrays, structure = tensors.load(tmp_path / "x.npz")
    for _ in range(2):
        nesting = tensors.as_given(structure, arrays)
        assert [nesting[n].get_seq_length() for n in ("full", "empty")] == [3, 0]
        for cache in nesting.values():
            cache.update(torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4), 0)
        assert [nesting[n].get_seq_length() for n in ("full", "empty")] == [4, 1]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((n for n in range(2)), "a_b is a generator"),
        (threading.Lock(), "a_b is a lock"),
        ([X, threading.Lock()], "a_b_1 is a lock"),
        (functools.partial(print, threading.Lock()), "a_b is a partial"),
        (given.Batch(X, threading.RLock()), "a_b_weight is a RLock"),
        (given.Reduced(X, iter(open(__file__, "rb"))), "a_b is a Reduced"),  # noqa: SIM115
        (sys._getframe(), "a_b is a frame"),
        (weakref.ref(given.Plain(X)), "a_b is a "),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_is_named_with_its_place(value, words):
    with pytest.raises(UserError) as raised:
        tensors.flatten({"a": {"b": value}})
    assert str(raised.value).replace(".", "_").startswith(words) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "graph"),
    [("sparse", NONE), ("nested", NONE), ("boxes", NONE), ("a graph", SOME), ("a circle", SOME)],
)
def test_what_graphs_cannot_hold_is_known(kind, graph):
    _, structure = tensors.flatten({"a": HOLDING[kind][0](), "b": given.Batch(X, X)})
    assert list(structure.objects_by(graph)) == ["a"]


@pytest.mark.process
def test_a_process_without_torch_passes_objects_on(tmp_path):
    """It sees their parts in dicts, and imports none of their classes."""
    tensors.save(tmp_path / "x.npz", {"batch": given.Batch(X, [X]), "state": given.State(X, 2), "none": {1, 2}})
    code = (
        "import sys; from benchlib import tensors\n"
        f"arrays, structure = tensors.load({str(tmp_path / 'x.npz')!r})\n"
        "plain = tensors.plain(structure, arrays)\n"
        "assert list(plain['batch']) == ['x', 'weight', 'scale']\n"
        "assert plain['state']['c'] == 2 and plain['none'] is None\n"
        f"tensors.save_flat({str(tmp_path / 'y.npz')!r}, arrays, structure)\n"
        "assert not {'torch', 'tests'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    arrays, structure = tensors.load(tmp_path / "y.npz")
    back = tensors.as_given(structure, arrays)
    assert (
        type(back["batch"]) is given.Batch
        and back["state"] == given.State(back["state"].h, 2)
        and back["none"] == {1, 2}
    )


def test_a_structure_is_a_text_that_is_the_same_for_the_same_nesting():
    def text(word, number):
        value = {"a": given.Reduced(X, word), "b": {word, "b"}, "c": given.Batch(X, number), "d": torch.device("cpu")}
        return json.dumps(tensors.flatten(value)[1].tree)

    assert text("w", 1) == text("w", 1) and text("w", 1) != text("w", 2) != text("v", 2)


def test_numbers_are_named_wherever_they_stand():
    _, structure = tensors.flatten({"n": 3, "b": given.Batch(X, 4), "l": [True, "x", None, 2.5]})
    assert structure.numbers() == ["n", "b_weight", "b_scale", "l_0", "l_3"]


def test_outputs_are_taken_apart_alone(tmp_path):
    class Odd:
        def __init__(self):
            self.logits, self.note = X[:, ::2], "x"

    tensors.save_outputs(tmp_path / "x.npz", {"odd": Odd(), "list": [X]})
    arrays, structure = tensors.load(tmp_path / "x.npz")
    assert list(arrays) == ["odd_logits", "list_0"] and structure.dumped() == b""
    assert arrays["odd_logits"].flags.c_contiguous and np.array_equal(arrays["odd_logits"], X[:, ::2].numpy())


@pytest.mark.process
def test_builders_open_without_benchlib(tmp_path):
    """As the proof of a row opens them."""
    _, structure = tensors.flatten({"a": given.Batch(X, X), "s": torch.eye(2).to_sparse()})
    (tmp_path / "b").write_bytes(structure.dumped())
    code = (
        "import pickle, sys, torch\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "import tests.given_classes\n"
        f"make = pickle.load(open({str(tmp_path / 'b')!r}, 'rb'))\n"
        "assert make[0]({'x': 1, 'weight': 2, 'scale': 3}).weight == 2\n"
        "assert not any(name.startswith('benchlib') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_a_deep_nesting_is_flat(tmp_path):
    nested = X
    for depth in range(50):
        nested = [nested] if depth % 2 else {"a": nested}
    assert len(tensors.leaves_of(nested)) == 1
    assert structures.name_of(("", "1"), {}) == "x_1"
