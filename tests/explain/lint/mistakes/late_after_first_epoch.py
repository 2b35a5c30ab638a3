"""LW421"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 8)
        self.b = nn.Linear(8, 2)

    def add(self):
        self.extra = nn.Linear(8, 8)

    def forward(self, x):
        h = self.a(x).relu()
        if hasattr(self, "extra"):
            h = self.extra(h).relu()
        return self.b(h)


net = Net()
opt = optim.Adam(net.parameters())
X, y = torch.randn(40, 4), torch.randint(0, 2, (40,))
net.add()
for _ in range(5):
    opt.zero_grad()
    F.cross_entropy(net(X), y).backward()
    opt.step()
