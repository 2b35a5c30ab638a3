"""LW421"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 8)
        self.fc2 = nn.Linear(8, 3)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


net = Net()
o = optim.SGD(net.parameters(), lr=0.1)
net.fc1.weight = nn.Parameter(torch.randn(8, 6) * 0.1)
X, y = torch.randn(80, 6), torch.randint(0, 3, (80,))
for e in range(4):
    l = F.cross_entropy(net(X[:60]), y[:60])
    o.zero_grad()
    l.backward()
    o.step()
