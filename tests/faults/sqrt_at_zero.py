"""Distances between all pairs of embeddings: each has distance 0 from itself, and √ has no slope there. Forward all is finite.

kind: explosion
expect: LW530
op: sqrt
line: # <- here
phase: backward
module: embed
"""

import torch
from torch import nn

torch.manual_seed(0)


class Embed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, X):
        Z = self.fc(X)
        squared = ((Z[:, None, :] - Z[None, :, :]) ** 2).sum(-1)
        return squared.sqrt()  # <- here


embed = Embed()
optimizer = torch.optim.Adam(embed.parameters(), lr=0.01)
X = torch.randn(10, 6)
target = torch.rand(10, 10)
for step in range(5):
    loss = (embed(X) - target).abs().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
