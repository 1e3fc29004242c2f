"""A script as users write them: a BERT of the usual size, called a few times."""

import torch
from transformers import BertConfig, BertModel

torch.manual_seed(0)
model = BertModel(BertConfig()).eval()
input_ids = torch.randint(0, 30_000, (1, 128))
with torch.no_grad():
    for _ in range(10):
        model(input_ids=input_ids, attention_mask=torch.ones_like(input_ids))
