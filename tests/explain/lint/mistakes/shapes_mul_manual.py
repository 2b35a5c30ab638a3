"""LW405"""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(3)
m = nn.Linear(4, 1)
opt = optim.SGD(m.parameters(), 0.01)
X = torch.randn(50, 4)
y = X.sum(1)


def loss_fn(y_hat, y):
    return torch.mean(torch.abs(y - y_hat))


for _ in range(3):
    loss = loss_fn(m(X), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
