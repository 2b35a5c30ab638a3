"""LW422"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)


class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = (nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3))
        self.fc = nn.Linear(2 * 16, 2)

    def forward(self, x):
        for c in self.convs:
            x = F.relu(c(x))
        return self.fc(x.flatten(1))


n = N()
opt = optim.Adam(n.parameters())
X, y = torch.rand(20, 1, 8, 8), torch.randint(0, 2, (20,))
for _ in range(4):
    opt.zero_grad()
    F.cross_entropy(n(X), y).backward()
    opt.step()
