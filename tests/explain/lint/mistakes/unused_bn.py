"""LW423"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 4, 3)
        self.bn1 = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4 * 16, 3)

    def forward(self, x):
        return self.fc(F.relu(self.c1(x)).flatten(1))


net = N()
o = optim.Adam(net.parameters())
X, y = torch.rand(20, 1, 6, 6), torch.randint(0, 3, (20,))
for e in range(4):
    o.zero_grad()
    F.cross_entropy(net(X), y).backward()
    o.step()
