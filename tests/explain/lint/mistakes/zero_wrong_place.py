"""LW412"""

import torch
from torch import nn

torch.manual_seed(0)

X = torch.randn(128, 4)
y = torch.randint(0, 3, (128,))
net = nn.Linear(4, 3)
opt = torch.optim.Adam(net.parameters(), 1e-3)
for epoch in range(4):
    loss = nn.CrossEntropyLoss()(net(X), y)
    loss.backward()
    net.zero_grad()
    opt.step()
