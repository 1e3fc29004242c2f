# labels: name::linear author::benchlib test_group::selftest
"""A linear layer with one standard parameter, `python linear.py --batch_size 8`. Written for benchlib's README."""

import torch
from torch import nn

from benchlib.parser import parse

torch.manual_seed(0)

(batch_size,) = parse(["batch_size"])

model = nn.Linear(64, 32)
model(torch.randn(batch_size, 64))
