"""LW441"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

p = torch.cumsum(torch.randn(200), 0) * 20 + 3000
X = torch.stack([p[i : i + 10] for i in range(180)]).unsqueeze(-1)
y = p[10:190].unsqueeze(1)


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.r = nn.LSTM(1, 8, batch_first=True)
        self.o = nn.Linear(8, 1)

    def forward(self, x):
        return self.o(self.r(x)[0][:, -1])


m = M()
o = optim.Adam(m.parameters())
for i in range(3):
    l = F.mse_loss(m(X), y)
    o.zero_grad()
    l.backward()
    o.step()
