"""LW422"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


class Deep(nn.Module):
    def __init__(self, n=3):
        super().__init__()
        self.blocks = [nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(n)]
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        for b in self.blocks:
            x = b(x)
        return self.head(x)


n = Deep()
o = optim.Adam(n.parameters())
for _ in range(3):
    o.zero_grad()
    F.cross_entropy(n(torch.randn(8, 8)), torch.randint(0, 2, (8,))).backward()
    o.step()
