"""Inputs of a TorchScript file of given shapes: of the types that its code takes, and the hint where none are given."""

import warnings
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from benchlib.errors import UserError
from benchlib.models import torchscript_file


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(50, 8), nn.Linear(8, 4)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.table(ids)).sum(1) / lengths[:, None]


class Flattened(Words):
    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.table(ids.reshape(-1).long())).sum(0) / lengths[:, None]


class Packed(Words):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(8, 4, batch_first=True)

    def forward(self, ids: Tensor, many: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(self.table(ids), many, batch_first=True)
        return self.gru(packed)[1]


class Filled(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor, gone: Tensor) -> Tensor:
        return self.head(x).masked_fill(gone.unsqueeze(-1), float("-inf")).softmax(1)


class Kept(Filled):
    def forward(self, x: Tensor, here: Tensor) -> Tensor:
        return self.head(x).masked_fill(~here.unsqueeze(-1), float("-inf")).softmax(1)


class Pixels(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, image: Tensor, bias: Tensor) -> Tensor:
        return self.conv(image) + bias


class Weighed(Filled):
    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.head(x) * labels[:, None]


def load(tmp_path, net, **said):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(net.eval()).save(str(tmp_path / "net.pt"))
    trial = {"batch_size": 1, "dtype": "float32", "inputs": None, "with_loss": False, "seed": 0, "shapes": None,
             "height": None, "width": None, "seq_length": None}  # fmt: skip
    return torchscript_file.load(str(tmp_path / "net.pt"), SimpleNamespace(**{**trial, **said}))


@pytest.mark.parametrize("net", [Words, Flattened, Packed])
@pytest.mark.parametrize("shapes", [[[3, 5], [3]], "by name"])
def test_ids_and_lengths_are_whole_numbers(tmp_path, net, shapes):
    by_name = dict(zip(("ids", "many" if net is Packed else "lengths"), [[3, 5], [3]], strict=True))
    model = load(tmp_path, net(), shapes=by_name if shapes == "by name" else shapes)
    ids, lengths = model.inputs.values()
    assert ids.dtype == torch.int64 and ids.min() >= 0 and ids.max() < 50 and len(ids.unique()) > 10
    assert lengths.tolist() == [5, 4, 3]
    assert torch.isfinite(model.module(ids, lengths)).all()
    other = [*model.redraw(3).values()]
    assert not torch.equal(other[0], ids) and torch.isfinite(model.module(*other)).all()


def test_whole_numbers_of_which_nothing_is_known_are_marked(tmp_path):
    said = load(tmp_path, Weighed(), shapes=[[3, 8], [3]]).facts["inputs_guessed"]
    assert said.startswith("labels int64[3]: neither the graph nor a name says which whole numbers are legal")
    assert said.endswith("`inputs: FILE.npz` with x, labels would settle it")
    assert load(tmp_path, Words(), shapes=[[3, 5], [3]]).facts["inputs_guessed"] == ""


@pytest.mark.parametrize(("net", "first"), [(Filled, False), (Kept, True)])
def test_masks_are_of_yes_and_no_in_the_sense_of_the_code(tmp_path, net, first):
    model = load(tmp_path, net(), shapes=[[3, 6, 8], [3, 6]])
    x, mask = model.inputs.values()
    assert x.dtype == torch.float32 and mask.dtype == torch.bool
    assert (mask[0] == first).all() and mask[2].tolist() == [first] * 3 + [not first] * 3
    assert torch.isfinite(model.module(x, mask)).all()


@pytest.mark.parametrize(
    ("net", "hint"),
    [
        (Words, "shapes: {ids: [1, 128], lengths: [1]}"),
        (Filled, "shapes: {x: [1, 8], gone: […]}"),
        (Pixels, "shapes: {image: [1, 1, 224, 224], bias: […]}"),
    ],
)
def test_the_hint_fits_the_model(tmp_path, net, hint):
    with pytest.raises(UserError) as error:
        load(tmp_path, net())
    assert hint in str(error.value)


def test_shapes_that_leave_an_input_out_say_so(tmp_path):
    with pytest.raises(UserError, match=r"the sizes of lengths are not known: give `shapes: {ids: \[1, 128\]"):
        load(tmp_path, Words(), shapes={"ids": [3, 5]})
