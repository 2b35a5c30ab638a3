"""Quantisation-aware training: buffers keep the running extremes, which begin at infinity."""

import torch
from torch import nn

torch.manual_seed(0)


class Quantise(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("low", torch.tensor(float("inf")))
        self.register_buffer("high", torch.tensor(float("-inf")))

    def forward(self, x):
        with torch.no_grad():
            self.low.copy_(torch.minimum(self.low, x.min()))
            self.high.copy_(torch.maximum(self.high, x.max()))
        scale = (self.high - self.low) / 255
        q = ((x - self.low) / scale).round() * scale + self.low
        return x + (q - x).detach()


net = nn.Sequential(nn.Linear(6, 12), Quantise(), nn.ReLU(), nn.Linear(12, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
X, y = torch.randn(64, 6), torch.randint(0, 2, (64,))
for _ in range(25):
    order = torch.randperm(64)
    loss = nn.functional.cross_entropy(net(X[order]), y[order])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
