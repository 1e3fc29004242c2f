"""Models that compute something else while they are exported, traced or compiled: no export of one is right."""

import torch
from torch import nn

torch.manual_seed(0)


class Two(nn.Module):
    """Scaled for exporters alone."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 8)

    def is_watched(self):
        raise NotImplementedError

    def forward(self, x):
        return self.f(x) * 1.5 if self.is_watched() else self.f(x)


class InOnnxExport(Two):
    def is_watched(self):
        return torch.onnx.is_in_onnx_export()


class WhileTraced(Two):
    def is_watched(self):
        return torch.jit.is_tracing()


class WhileCompiled(Two):
    def is_watched(self):
        return torch.compiler.is_compiling()


class WhileExported(Two):
    def is_watched(self):
        return torch.compiler.is_exporting()


class UnpaddedWhileTraced(nn.Module):
    """Only users get their padding left out."""

    def __init__(self):
        super().__init__()
        self.words, self.f = nn.Embedding(50, 16), nn.Linear(16, 8)

    def forward(self, ids):
        x = self.words(ids)
        if torch.jit.is_tracing() or not (ids == 3).any():
            return self.f(x.mean(1))
        kept = (ids != 3)[..., None]
        return self.f((x * kept).sum(1) / kept.sum(1).clamp(min=1))


for kind in (InOnnxExport, WhileTraced, WhileCompiled, WhileExported):
    kind().eval()(torch.randn(4, 16))
UnpaddedWhileTraced().eval()(torch.randint(10, 50, (3, 12)))
