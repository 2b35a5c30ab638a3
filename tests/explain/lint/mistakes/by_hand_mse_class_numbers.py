"""LW407"""

import torch
from torch import nn

torch.manual_seed(0)
X, y = torch.randn(120, 6), torch.randint(0, 6, (120,))
net = nn.Sequential(nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 1))
opt = torch.optim.Adam(net.parameters(), 0.01)


def loss_fn(y_hat, y):
    return ((y_hat - y.reshape(y_hat.shape)) ** 2 / 2).mean()  # <- here


for e in range(3):
    for i in torch.randperm(120).split(30):
        opt.zero_grad()
        l = loss_fn(net(X[i]), y[i])
        l.backward()
        opt.step()
