"""LW421"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 8)
        self.head = None

    def forward(self, x):
        if self.head is None:
            self.head = nn.Linear(8, 3)
        return self.head(self.body(x).relu())


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
X = torch.randn(64, 4)
y = torch.randint(0, 3, (64,))
for _ in range(4):
    opt.zero_grad()
    F.cross_entropy(net(X), y).backward()
    opt.step()
