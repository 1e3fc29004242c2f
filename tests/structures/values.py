"""Values of all kinds that a nesting may hold, and the way to a file and back."""

import collections
import datetime
import json
from pathlib import Path

import torch
from torch.nn.utils.rnn import pack_sequence

from benchlib import tensors
from tests import given_classes as given

X = torch.arange(6.0).reshape(2, 3)


def derived():
    batch = given.Derived(X, X + 1)
    batch.more = X + 2
    return batch


def marked():
    state = given.Marked(X, None)
    state.note, state.mask = "a", X > 0
    return state


def noted_output():
    output = model_output()
    output.note = "a"
    return output


def noted_dict():
    found = collections.OrderedDict(b=X)
    found.note = "a"
    return found


def numbered():
    found = given.Plain(X)
    vars(found)[1] = X + 1
    return found


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
    "one with a constructor of its own": (lambda: given.OwnInit(X), ["x"]),
    "a child of it": (lambda: given.Doubling(X), ["x"]),
    "one that changes what is written": (lambda: given.Rounding(X), ["x"]),
    "one that has every attribute": (lambda: given.Obliging(X), ["x"]),
    "an attribute that is numbered": (numbered, ["x", "mask", "1"]),
    "a circle": (lambda: given.Linked(X), ["x", "inner_x", "inner_mask"]),
    "slots": (lambda: given.Slotted(X), ["0"]),
    "an own reduction": (lambda: given.Reduced(X, "w"), ["x"]),
    "a list with an attribute": (listed, ["0"]),
    "a named tuple": (lambda: given.State(X, (X,)), ["h", "c_0"]),
    "a named tuple with an attribute": (marked, ["0", "mask"]),
    "a tuple that names its parts": (lambda: given.Named((X, 1)), ["0"]),
    "an old named tuple": (lambda: given.Pair(X, None), ["left"]),
    "an ordered dict": (lambda: collections.OrderedDict(b=X, a=X), ["b", "a"]),
    "one with an attribute": (noted_dict, ["b"]),
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
    "an output with an attribute": (noted_output, ["last_hidden_state", "hidden_states_1"]),
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
    "a description": given.Spec((1, 2), torch.float32),
    "infinity": float("inf"),
    "a nesting": [{"a": (torch.float16, [slice(None), ...])}, None, {"b": {1}}],
    "a partial": {1: True, None: "x", 2.5: [1]},
}


def there_and_back(value, tmp_path):
    tensors.save(tmp_path / "x.npz", {"value": value})
    arrays, structure = tensors.load(tmp_path / "x.npz")
    return tensors.as_given(structure, arrays)["value"]


def same(one, other):
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        assert type(one) is type(other) and one.layout == other.layout and one.dtype == other.dtype
        if one.is_nested:
            return all(map(same, one.unbind(), other.unbind()))
        dense = (one.to_dense(), other.to_dense()) if one.layout != torch.strided else (one, other)
        return torch.equal(*(t.as_subclass(torch.Tensor) for t in dense))
    return type(one) is type(other)
