"""LW424"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Linear(6, 3)
        self.d = nn.Linear(3, 6)

    def encode(self, x):
        return self.e(x).detach()

    def forward(self, x):
        return self.d(self.encode(x))


m = AE()
opt = optim.Adam(m.parameters())
X = torch.randn(50, 6)
for _ in range(5):
    loss = F.mse_loss(m(X), X)
    opt.zero_grad()
    loss.backward()
    opt.step()
