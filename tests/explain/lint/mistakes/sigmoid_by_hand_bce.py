"""LW402"""

import torch
from torch import nn

torch.manual_seed(0)


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


w, b = torch.zeros(5, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
X = torch.randn(80, 5)
y = (X[:, :1] > 0).float()
opt = torch.optim.SGD([w, b], lr=0.5)
loss = nn.BCEWithLogitsLoss()
for i in range(10):
    l = loss(sigmoid(X @ w + b), y)  # <- here
    opt.zero_grad()
    l.backward()
    opt.step()
