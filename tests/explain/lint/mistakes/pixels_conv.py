"""LW441"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

import numpy as np

imgs = np.random.RandomState(0).randint(0, 256, (60, 8, 8))
X = torch.tensor(imgs, dtype=torch.float32).unsqueeze(1)
y = torch.randint(0, 3, (60,))


class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(1, 4, 3)
        self.f = nn.Linear(144, 3)

    def forward(self, x):
        return self.f(F.relu(self.c(x)).flatten(1))


net = N()
o = optim.Adam(net.parameters())
for e in range(2):
    o.zero_grad()
    F.cross_entropy(net(X), y).backward()
    o.step()
