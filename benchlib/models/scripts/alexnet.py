# labels: name::alexnet author::torchvision test_group::tutorial task::image_classification
"""AlexNet with random weights: https://pytorch.org/vision/stable/models/alexnet.html"""

import torch
from torchvision.models import alexnet

from benchlib.parser import parse

torch.manual_seed(0)

batch_size, num_channels, width, height = parse(["batch_size", "num_channels", "width", "height"])

model = alexnet(weights=None).eval()
if num_channels != 3:
    first = model.features[0]
    model.features[0] = torch.nn.Conv2d(
        num_channels, first.out_channels, first.kernel_size, first.stride, first.padding
    )

model(torch.rand(batch_size, num_channels, height, width))
