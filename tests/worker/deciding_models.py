"""Small modules for the examination of traces: some decide on the values of their inputs, some on shapes and weights
alone."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchlib.models import LoadedModel


class SumBranch(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x * 2
        return x - 3


class Scale(nn.Module):
    def forward(self, x):
        scale = float(x.abs().max()) / 127
        return torch.round(x / scale) * scale


class Standardised(nn.Module):
    def forward(self, x):
        return (x - float(x.mean())) / float(x.std())


class ByTimestep(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x, t):
        return self.fc(x) * float(t)


class FirstTimestep(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, x, timestep):
        return x + self.table.weight[int(timestep[0])]


class MaskIfAny(nn.Module):
    def forward(self, x, mask):
        if mask.all():
            return x.mean(1)
        return (x * mask[..., None]).sum(1) / mask.sum(1)[:, None]


class OneHot(nn.Module):
    def forward(self, ids):
        return functional.one_hot(ids, int(ids.max()) + 1).float().mean(1)


class OneHotByItself(nn.Module):
    def forward(self, ids):
        return functional.one_hot(ids).float()


class Longest(nn.Module):
    def forward(self, x, mask):
        n = int(mask.sum(1).max())
        return x[:, :n].cumsum(1)


class Range(nn.Module):
    def forward(self, image):
        if image.max() > 1:
            image = image / 255
        return image - 0.5


class RangeOfANumber(nn.Module):
    def forward(self, image):
        if image.max().item() > 1.5:
            image = image / 255
        return image - 0.5


class Loudness(nn.Module):
    def forward(self, wave):
        return wave / wave.abs().max().item()


class Picked(nn.Module):
    def forward(self, x):
        above = x[x > 0]
        return above * 2 if above.numel() > 3 else above - 1


class ByNumpy(nn.Module):
    def forward(self, x):
        return x + torch.from_numpy(np.sort(x.numpy()))


class LoudestByNumpy(nn.Module):
    def forward(self, x):
        return x / torch.from_numpy(np.asarray(x.abs().max()))


class ByList(nn.Module):
    def forward(self, x, lengths):
        return torch.stack([row[:n].sum() for row, n in zip(x, lengths.tolist(), strict=True)])


class ByData(nn.Module):
    def forward(self, x):
        return x * (x.data.mean() + 1)


class Better(nn.Module):
    def forward(self, a, b):
        return a if a.sum() > b.sum() else b


class MadeAnew(nn.Module):
    def forward(self, x):
        return x + torch.tensor([x.max(), x.min()])


class Parted(nn.Module):
    """Asked twice: one answer alone that is turned over does not fit the other."""

    def forward(self, x):
        return x.split([int((x[0] > 0).sum()), 4 - int((x[0] > 0).sum())], 1)[0]


class PartedByList(nn.Module):
    def forward(self, x, lengths):
        return torch.stack([part.sum() for part in x.flatten().split(lengths.tolist())])


class RowsPicked(nn.Module):
    def forward(self, x):
        return torch.stack([row * i for i, row in enumerate(x[x > 0])]).sum()


class FarThreshold(nn.Module):
    """Every input has another maximum, and none reaches what it is held against."""

    def forward(self, x):
        return x if float(x.abs().max()) < 60 else x / 255


class HarmlessOuter(nn.Module):
    """Where the outer question is answered otherwise the inner one is not asked."""

    def forward(self, x):
        y = x * 2
        if x.sum() > 0:
            if x.max() > 50:
                return y / 100
            return y
        return y


class Cascade(nn.Module):
    """Many questions at one place, of which only one matters."""

    def forward(self, x):
        over = [bool((x > bound).any()) for bound in (100, 50, 200, 300, 400)]
        return x - 9 if over[1] else x


X = torch.linspace(-0.5, 1.0, 8).reshape(2, 4)
IDS = torch.tensor([[1, 5, 2], [3, 0, 4]])
MASK = torch.ones(2, 4)
TAIL = torch.tensor([[1.0, 1, 1, 0], [1, 1, 0, 0]])
SEQUENCE = torch.arange(24.0).reshape(2, 4, 3)
# name -> module, recorded inputs, moved inputs that decide otherwise
DECIDING = {
    "sum": (SumBranch, {"x": X}, {"x": -X}),
    "scale": (Scale, {"x": X}, {"x": X * 3}),
    "standardised": (Standardised, {"x": X}, {"x": X * 3 + 1}),
    "timestep": (ByTimestep, {"x": X, "t": torch.tensor(3.0)}, {"x": X, "t": torch.tensor(6.0)}),
    "first timestep": (FirstTimestep, {"x": X, "timestep": torch.tensor([3])}, {"x": X, "timestep": torch.tensor([4])}),
    "mask": (MaskIfAny, {"x": SEQUENCE, "mask": MASK}, {"x": SEQUENCE, "mask": TAIL}),
    "one hot": (OneHot, {"ids": IDS}, {"ids": IDS.clamp(max=4)}),
    "one hot by itself": (OneHotByItself, {"ids": IDS}, {"ids": IDS.clamp(max=4)}),
    "longest": (Longest, {"x": SEQUENCE, "mask": MASK}, {"x": SEQUENCE, "mask": TAIL}),
    "range": (Range, {"image": X * 2}, {"image": X * 0.3}),
    "range of a number": (RangeOfANumber, {"image": X * 2}, {"image": X * 0.3}),
    "loudness": (Loudness, {"wave": X}, {"wave": X * 0.3}),
    "picked": (Picked, {"x": X}, {"x": X - 0.7}),
    "numpy": (ByNumpy, {"x": X}, {"x": -X}),
    "one number by numpy": (LoudestByNumpy, {"x": X}, {"x": X * 3}),
    "list": (ByList, {"x": X, "lengths": torch.tensor([4, 2])}, {"x": X, "lengths": torch.tensor([3, 1])}),
    "data": (ByData, {"x": X}, {"x": X * 3}),
    "parted": (Parted, {"x": X}, {"x": X + 0.4}),
    "parted by list": (
        PartedByList,
        {"x": X, "lengths": torch.tensor([4, 2, 2])},
        {"x": X, "lengths": torch.tensor([3, 3, 2])},
    ),
    "rows picked": (RowsPicked, {"x": X}, {"x": X + 0.4}),
    "better": (Better, {"a": X, "b": -X}, {"a": -X, "b": X}),
    "made anew": (MadeAnew, {"x": X[:, :2].contiguous()}, {"x": -X[:, :2]}),
}


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3))

    def forward(self, x):
        return self.net(x)


class Shapes(nn.Module):
    def forward(self, x):
        if x.shape[0] > 1 and len(x) < 100:
            x = x * 2
        return x.reshape(x.shape[0], -1)[:, : x.shape[1] // 2]


class InPlace(nn.Module):
    def forward(self, x):
        y = x.clone()
        y[:, 0] = 7
        y.clamp_(min=0)
        y += x
        return y


class Nested(nn.Module):
    def forward(self, x):
        return {"a": x + 1, "b": (x * 2, [x.sum(1)])}


class Constants(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("sizes", torch.tensor([1, 3]))
        self.gain = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        a, b = torch.split(x, self.sizes.tolist(), 1)
        return a * b if self.gain > 1 else a + b


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x, mask):
        return self.attention(x, x, x, key_padding_mask=mask < 0.5)[0]


class Rows(nn.Module):
    def forward(self, x):
        return torch.stack([row * i for i, row in enumerate(x)])


class Nonzero(nn.Module):
    def forward(self, x):
        return (x > 0).nonzero()


class Sliced(nn.Module):
    """The end of the slice is a value of the graph, although Python asks for it."""

    def forward(self, x, mask):
        return x[:, : mask.sum(1).max().long()] * 2


HEALTHY = {
    "normed": (Normed, {"x": X}, {"x": -X}),
    "shapes": (Shapes, {"x": X}, {"x": X * 3}),
    "in place": (InPlace, {"x": X}, {"x": -X}),
    "nested": (Nested, {"x": X}, {"x": -X}),
    "constants": (Constants, {"x": X}, {"x": -X}),
    "attending": (Attending, {"x": torch.rand(2, 4, 4), "mask": MASK}, {"x": torch.rand(2, 4, 4), "mask": TAIL}),
    "rows": (Rows, {"x": X}, {"x": -X}),
    "nonzero": (Nonzero, {"x": X}, {"x": X - 0.7}),
}


class Checked(nn.Module):
    def forward(self, ids):
        if ids.min() < 0 or ids.max().item() >= 10:
            raise ValueError("an id beyond the table")
        return ids * 2


class Told(nn.Module):
    def forward(self, x):
        self.seen = float(x.abs().max())
        return x * 2 if x.isfinite().all() else x + x


class Drawn(nn.Module):
    def forward(self, x):
        return x + float(np.random.rand())


class Unused(nn.Module):
    def forward(self, x, left, lengths):
        return x * 2 + lengths.shape[0]


def loaded(module, inputs) -> LoadedModel:
    torch.manual_seed(0)
    return LoadedModel(inputs=dict(inputs), module=module().eval(), positional=tuple(inputs))
