"""LW424"""

import torch
from torch import nn

torch.manual_seed(0)

import numpy as np

net = nn.Linear(4, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
X = torch.randn(64, 4)
y = X.sum(1, keepdim=True)
for _ in range(4):
    out = net(X)
    err = np.mean((out.detach().numpy() - y.numpy()) ** 2)
    loss = torch.tensor(err, requires_grad=True)
    opt.zero_grad()
    loss.backward()
    opt.step()
