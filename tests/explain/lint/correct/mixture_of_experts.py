"""Experts under a gate; argmax only tells which one was used."""

import torch
from torch import nn

torch.manual_seed(0)


class MoE(nn.Module):
    def __init__(self, n=4):
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(6, 3) for _ in range(n))
        self.gate = nn.Linear(6, n)

    def forward(self, x):
        g = torch.softmax(self.gate(x), -1)
        outs = torch.stack([e(x) for e in self.experts], 1)
        best = g.argmax(-1)
        self.usage = torch.bincount(best, minlength=4)
        return (g.unsqueeze(-1) * outs).sum(1)


net = MoE()
opt = torch.optim.Adam(net.parameters(), 0.01)
X, y = torch.randn(64, 6), torch.randint(0, 3, (64,))
for e in range(3):
    opt.zero_grad()
    nn.functional.cross_entropy(net(X), y).backward()
    opt.step()
print(net.usage)
