"""LW422"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


def make(n):
    return [nn.Linear(8, 8) for _ in range(n)]


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = make(3)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        for b in self.blocks:
            x = b(x).relu()
        return self.head(x)


n = Deep()
o = optim.Adam(n.parameters())
for _ in range(3):
    o.zero_grad()
    F.cross_entropy(n(torch.randn(8, 8)), torch.randint(0, 2, (8,))).backward()
    o.step()
