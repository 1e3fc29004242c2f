# labels: name::hello_world author::benchlib test_group::tutorial
"""The smallest model script: it makes one model and calls it once. Written for benchlib's README."""

import torch
from torch import nn

torch.manual_seed(0)


class SmallModel(nn.Module):
    """One linear layer: 10 × 5 weights and 5 offsets are 55 parameters."""

    def __init__(self, input_size: int, output_size: int):
        super().__init__()
        self.fc = nn.Linear(input_size, output_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x)


pytorch_model = SmallModel(10, 5)
pytorch_outputs = pytorch_model(torch.randn(10))
print(f"pytorch_outputs: {pytorch_outputs}")
