"""LW421"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)
import copy

net = nn.Linear(4, 2)
opt = optim.SGD(net.parameters(), lr=0.1)
model = copy.deepcopy(net)
X, y = torch.randn(40, 4), torch.randint(0, 2, (40,))
for _ in range(5):
    opt.zero_grad()
    F.cross_entropy(model(X), y).backward()
    opt.step()
