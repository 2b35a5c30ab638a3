"""LW422"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


class P(nn.Module):
    def __init__(self):
        super().__init__()
        self.ws = [nn.Parameter(torch.randn(4, 4)) for _ in range(2)]
        self.o = nn.Linear(4, 1)

    def forward(self, x):
        for w in self.ws:
            x = x @ w
        return self.o(x)


n = P()
o = optim.SGD(n.parameters(), 0.01)
X = torch.randn(20, 4)
y = X.sum(1, keepdim=True)
for _ in range(3):
    o.zero_grad()
    F.mse_loss(n(X), y).backward()
    o.step()
