"""LW404"""

import torch
from torch import nn

torch.manual_seed(0)

X = torch.randn(100, 3)
y = X @ torch.tensor([1.0, 2.0, 3.0]) + 1
net = nn.Linear(3, 1)
loss_fn = nn.MSELoss()
opt = torch.optim.SGD(net.parameters(), lr=0.01)
for e in range(5):
    pred = net(X)
    loss = loss_fn(pred, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
