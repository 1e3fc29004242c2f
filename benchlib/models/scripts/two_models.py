# labels: name::two_models author::benchlib test_group::tutorial
"""Two models in one script: the one of hello_world.py, and a wider one. Written for benchlib's README."""

import torch
from torch import nn

torch.manual_seed(0)


class SmallModel(nn.Module):
    """One linear layer."""

    def __init__(self, input_size: int, output_size: int):
        super().__init__()
        self.fc = nn.Linear(input_size, output_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x)


pytorch_model = SmallModel(10, 5)
pytorch_outputs = pytorch_model(torch.randn(10))

another_pytorch_model = SmallModel(50, 10)  # 510 parameters
more_outputs = another_pytorch_model(torch.randn(50))
print(f"pytorch_outputs: {pytorch_outputs}\nmore_outputs: {more_outputs}")
