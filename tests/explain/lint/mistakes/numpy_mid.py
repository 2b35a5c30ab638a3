"""LW424"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


class L(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(6, 8)
        self.o = nn.Linear(8, 1)

    def forward(self, x):
        h = self.a(x).detach().numpy()
        h = torch.from_numpy(h.clip(0))
        return self.o(h)


m = L()
o = optim.Adam(m.parameters())
X = torch.randn(80, 6)
for e in range(4):
    l = F.mse_loss(m(X), X.sum(1, keepdim=True))
    o.zero_grad()
    l.backward()
    o.step()
