"""LW402"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(6, 1)

    def forward(self, x):
        return torch.sigmoid(self.f(x))


net = N()
o = optim.Adam(net.parameters())
X = torch.randn(80, 6)
y = (X.sum(1) > 0).float().unsqueeze(1)
for e in range(3):
    loss = F.binary_cross_entropy_with_logits(net(X), y)
    o.zero_grad()
    loss.backward()
    o.step()
