"""Strides, and memory that arrays share, are read again as they were given."""

import numpy as np
import pytest
import torch

from benchlib import layouts, tensors
from benchlib.errors import UserError
from benchlib.models import LoadedModel, _input_sets, _shape_sets
from benchlib.worker import verbs

BASE = torch.arange(2 * 4 * 6 * 8, dtype=torch.float32).reshape(2, 4, 6, 8)
TABLE = torch.arange(24.0).reshape(4, 6)
COMPLEX = torch.ones(2, 3, dtype=torch.complex64)

STRIDED = {
    "contiguous": BASE,
    "channels_last": BASE.contiguous(memory_format=torch.channels_last),
    "channels_last of one item": BASE[:1].contiguous(memory_format=torch.channels_last),
    "channels_last_3d": BASE[None].contiguous(memory_format=torch.channels_last_3d),
    "transposed": TABLE.t(),
    "permuted": BASE.permute(3, 0, 2, 1),
    "every second row": TABLE[::2],
    "every second column": TABLE[:, ::2],
    "a column": TABLE[:, 1],
    "a window": TABLE[1:3, 2:5],
    "expanded": torch.ones(3, 1).expand(3, 5),
    "expanded in front": TABLE[0].expand(4, 6),
    "expanded in the middle": torch.ones(2, 1, 3).expand(2, 4, 3),
    "one number expanded": torch.tensor(2.0).expand(3, 2),
    "unfolded": torch.arange(6.0).unfold(0, 3, 1),
    "a diagonal": TABLE.diagonal(),
    "half": BASE.half().contiguous(memory_format=torch.channels_last),
    "bfloat16": TABLE.bfloat16().t(),
    "whole numbers": torch.arange(12).reshape(3, 4).t(),
    "booleans": (TABLE > 3).t(),
    "complex": torch.view_as_complex(torch.ones(3, 4, 2)).t(),
    "empty": TABLE[:0],
    "a number": torch.tensor(3.0),
    "one axis of one": torch.ones(1, 3, 1).transpose(0, 2),
}
WORDS = {
    "contiguous": "", "channels_last": "channels_last", "channels_last_3d": "channels_last_3d", "a number": "",
    "transposed": "strides 1×6", "expanded": "strides 1×0", "empty": "", "a column": "strides 6",
    "one axis of one": "", "channels_last of one item": "channels_last",
}  # fmt: skip
SHARED = {
    "two halves": lambda: {"a": TABLE[:2], "b": TABLE[2:]},
    "overlapping": lambda: {"a": TABLE[:3], "b": TABLE[1:]},
    "the whole and a part": lambda: {"a": TABLE, "b": TABLE[:, 1]},
    "one twice": lambda: {"a": TABLE, "b": TABLE},
    "another shape": lambda: {"a": TABLE, "b": TABLE.view(2, 12)},
    "another order": lambda: {"a": TABLE, "b": TABLE.t()},
    "another dtype": lambda: {"a": TABLE, "b": TABLE.view(torch.int32)},
    "real and imaginary": lambda: dict(zip("ab", torch.view_as_real(COMPLEX).unbind(-1), strict=True)),
    "three, nested": lambda: {"a": [TABLE[0], (TABLE[1],)], "b": {"c": TABLE}},
    "beside another": lambda: {"a": TABLE[1], "b": TABLE[2], "c": torch.ones(3)},
    "bfloat16": lambda: dict(zip("ab", TABLE.bfloat16().unbind(0)[:2], strict=True)),
    "a cache of one": lambda: dict(zip("ab", BASE.unbind(1)[:2], strict=True)),
}  # fmt: skip


def read_again(nested, tmp_path, times=2):
    """Through as many files as lie between a user's call and the timed one."""
    for n in range(times):
        tensors.save(tmp_path / f"{n}.npz", nested)
        arrays, structure = tensors.load(tmp_path / f"{n}.npz")
        nested = tensors.as_given(structure, arrays)
    return nested


def meaning(tensor):
    """The strides of axes that have more than one place."""
    return [stride for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size != 1]


def places(nested):
    """Where each tensor begins, counted from the first."""
    leaves = tensors.leaves_of(nested).values()
    first = min(leaf.data_ptr() for leaf in leaves)
    return [leaf.data_ptr() - first for leaf in leaves]


@pytest.mark.parametrize("kind", STRIDED)
def test_strides_are_kept(kind, tmp_path):
    tensor = STRIDED[kind]
    back = read_again({"x": tensor}, tmp_path)["x"]
    assert torch.equal(back, tensor) and back.dtype == tensor.dtype
    assert meaning(back) == meaning(tensor)


@pytest.mark.parametrize("kind", WORDS)
def test_an_order_in_memory_has_a_word(kind):
    assert layouts.order_words(STRIDED[kind]) == WORDS[kind]
    described = verbs.describe_shapes({"x": STRIDED[kind]})
    assert described.endswith(f"] {WORDS[kind]}".rstrip())


@pytest.mark.parametrize("kind", SHARED)
def test_shared_memory_stays_shared(kind, tmp_path):
    given = SHARED[kind]()
    back = read_again(given, tmp_path)
    before, after = (list(tensors.leaves_of(nested).values()) for nested in (given, back))
    assert all(map(torch.equal, before, after))
    names = layouts.layouts_of(tensors.leaves_of(given))
    kept = [n for n, name in enumerate(tensors.leaves_of(given)) if name in names]
    assert places([before[n] for n in kept]) == places([after[n] for n in kept])
    assert len({after[n].untyped_storage().data_ptr() for n in kept}) == 1
    (first, *others), fresh = kept, [leaf.clone() for leaf in after]
    after[first].zero_()
    before_moved = [leaf.clone() for leaf in before]
    try:
        before[first].zero_()
        assert all(map(torch.equal, before, after)), "what is written into one shows in the others as it did"
    finally:
        before[first].copy_(before_moved[first])
        after[first].copy_(fresh[first])
    assert others


def test_one_tensor_under_two_names_is_one(tmp_path):
    back = read_again({"a": TABLE, "b": [TABLE]}, tmp_path)
    assert back["a"] is back["b"][0]


@pytest.mark.parametrize("kind", SHARED)
def test_arrays_for_a_graph_lie_apart(kind, tmp_path):
    tensors.save(tmp_path / "x.npz", SHARED[kind]())
    arrays, _ = tensors.load(tmp_path / "x.npz")
    apart = tensors.apart(arrays)
    assert layouts.layouts_of(apart) == {} and all(array.flags.c_contiguous for array in apart.values())
    assert tensors.content_hash(apart) == tensors.content_hash(arrays)


@pytest.mark.parametrize("kind", ["overlapping", "the whole and a part", "another dtype", "two halves"])
def test_shared_memory_moves_as_one(kind):
    given = tensors.leaves_of(SHARED[kind]())
    moved = layouts.mover(given, torch.clone)(given)
    assert all(map(torch.equal, given.values(), moved.values()))
    assert places(moved) == places(given) and not {t.data_ptr() for t in moved.values()} & {
        t.data_ptr() for t in given.values()
    }


@pytest.mark.parametrize("kind", ["channels_last", "expanded", "every second column", "transposed", "a number"])
def test_strides_move_with_a_tensor(kind):
    given = {"x": STRIDED[kind]}
    moved = layouts.mover(given, torch.clone)(given)
    assert torch.equal(moved["x"], given["x"]) and meaning(moved["x"]) == meaning(given["x"])
    assert moved["x"].data_ptr() != given["x"].data_ptr()


@pytest.mark.parametrize("kind", [*STRIDED])
def test_strides_stay_in_another_dtype(kind):
    wider = tensors.moved(lambda t: t.double() if t.is_floating_point() else t, {"x": STRIDED[kind]})["x"]
    assert meaning(wider) == meaning(STRIDED[kind]) and torch.equal(wider, STRIDED[kind].to(wider.dtype))


@pytest.mark.parametrize("kind", ["overlapping", "the whole and a part", "another order", "bfloat16"])
def test_memory_is_shared_in_another_dtype(kind):
    given = SHARED[kind]()
    wider = tensors.moved(torch.Tensor.double, given)
    assert len({leaf.untyped_storage().data_ptr() for leaf in tensors.leaves_of(wider).values()}) == 1
    assert all(torch.equal(wider[name], given[name].double()) for name in given)


@pytest.mark.parametrize("kind", ["channels_last", "transposed", "every second column", "expanded", "half", "bfloat16"])
def test_sets_that_are_made_of_the_recorded_one_have_its_strides(kind, tmp_path):
    found = _input_sets.of(LoadedModel({"x": STRIDED[kind]}, torch.nn.Identity()), 0)
    assert found.sets
    for own in found.sets.values():
        digest = own.save(tmp_path / "x.npz")
        arrays, structure = tensors.load(tmp_path / "x.npz")
        assert tensors.content_hash(arrays) == digest
        back = tensors.as_given(structure, arrays)["x"]
        assert meaning(back) == meaning(STRIDED[kind])


@pytest.mark.parametrize("kind", ["overlapping", "the whole and a part", "another order"])
def test_sets_share_memory_as_the_recorded_one_does(kind, tmp_path):
    given = SHARED[kind]()
    found = _input_sets.of(LoadedModel(given, torch.nn.Identity()), 0)
    for own in found.sets.values():
        digest = own.save(tmp_path / "x.npz")
        arrays, structure = tensors.load(tmp_path / "x.npz")
        assert tensors.content_hash(arrays) == digest, "each name says what its memory holds"
        assert places(tensors.as_given(structure, arrays)) == places(given)


def test_other_sizes_keep_the_order_of_the_axes():
    given = {"x": STRIDED["channels_last"], "m": torch.ones(1, 4).expand(2, 4)}
    found = _shape_sets.resized(given, {"x": {0: "batch"}, "m": {0: "batch"}}, {"batch": 5})
    x, m = (torch.from_numpy(found[name]) for name in "xm")
    assert x.shape[0] == 5 and x.is_contiguous(memory_format=torch.channels_last)
    assert m.shape == (5, 4) and m.stride()[0] == 0 and bool((m == 1).all())


def test_what_shares_memory_does_not_change_places():
    from benchlib.worker.rotation import are_exchangeable

    def buffer(n):
        whole = np.full((4, 6), n, np.float32)
        return {"a": whole, "b": whole[1]}

    assert not are_exchangeable([buffer(0), buffer(1)])
    assert are_exchangeable([{"a": np.zeros((4, 6)).T}, {"a": np.ones((4, 6)).T}])


def test_arrays_that_run_backwards_or_hold_texts_are_as_any_other(tmp_path):
    tensors.save(tmp_path / "x.npz", {"back": np.arange(4)[::-1], "texts": np.array(["a", "bc"])[::-1]})
    arrays, _ = tensors.load(tmp_path / "x.npz")
    assert arrays["back"].tolist() == [3, 2, 1, 0] and arrays["texts"].tolist() == ["bc", "a"]


PENDING = torch.tensor([[1 + 2j, 3j], [4.0, 5 - 1j]])


@pytest.mark.parametrize(
    "given",
    [
        {"a": PENDING, "b": PENDING.conj()},
        {"b": PENDING.conj(), "a": PENDING},
        {"a": PENDING.conj().imag, "b": PENDING.imag, "c": PENDING},
        {"a": PENDING.conj().t(), "b": PENDING.conj()[0]},
        {"a": PENDING[:1].conj().expand(3, 2)},
    ],
    ids=["beside its own", "before its own", "negative", "two alike", "expanded"],
)
def test_what_torch_has_not_conjugated_yet_is_read_with_its_own_values(given, tmp_path):
    back, moved = read_again(given, tmp_path), tensors.moved(torch.clone, given)
    for name, tensor in given.items():
        assert torch.equal(back[name], tensor) and torch.equal(moved[name], tensor)


@pytest.mark.parametrize("texts", [np.array(["a", "bc"]), np.array([b"a"])])
def test_texts_are_no_tensors_and_a_line_says_so(texts, tmp_path):
    with pytest.raises(UserError, match=r"^an array of .* cannot be given to torch") as raised:
        read_again({"a": texts}, tmp_path)
    assert "\n" not in str(raised.value)
