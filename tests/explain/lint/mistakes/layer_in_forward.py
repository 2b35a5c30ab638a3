"""LW426"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 8)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        fc = nn.Linear(8, 3)
        return fc(x)


X = torch.randn(64, 4)
y = torch.randint(0, 3, (64,))
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(4):
    opt.zero_grad()
    F.cross_entropy(net(X), y).backward()
    opt.step()
