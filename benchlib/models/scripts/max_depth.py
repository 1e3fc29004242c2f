# labels: name::max_depth author::benchlib test_group::tutorial
"""A model of two layers, for looking inside with --max-depth 1. Written for benchlib's README."""

import torch
from torch import nn

torch.manual_seed(0)


class TwoLayerModel(nn.Module):
    """fc has 55 parameters, fc2 has 30."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int):
        super().__init__()
        self.fc = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, output_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(torch.relu(self.fc(x)))


pytorch_model = TwoLayerModel(10, 5, 5)
pytorch_outputs = pytorch_model(torch.randn(10))
print(f"pytorch_outputs: {pytorch_outputs}")
