"""Inference alone: a state dict is loaded, the model is set to evaluation mode, probabilities are printed."""

import io

import torch
from torch import nn


def build():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 36, 5))


file = io.BytesIO()
torch.save(build().state_dict(), file)
file.seek(0)
model = build()
model.load_state_dict(torch.load(file))
model.eval()
with torch.no_grad():
    logits = model(torch.rand(3, 1, 8, 8))
    probs = torch.softmax(logits, dim=1)
    top, labels = probs.topk(2)
for p, c in zip(top, labels):
    print([f"{int(k)}: {float(v):.2f}" for k, v in zip(c, p)])
