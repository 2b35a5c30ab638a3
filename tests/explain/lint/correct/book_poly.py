import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

import math

import numpy as np

max_degree, n = 20, 100
true_w = np.zeros(max_degree)
true_w[0:4] = np.array([5, 1.2, -3.4, 5.6])
rng = np.random.default_rng(0)
features = rng.normal(size=(200, 1))
poly = np.power(features, np.arange(max_degree).reshape(1, -1))
for i in range(max_degree):
    poly[:, i] /= math.gamma(i + 1)
labels = np.dot(poly, true_w) + rng.normal(scale=0.1, size=200)
true_w, features, poly, labels = [torch.tensor(x, dtype=torch.float32) for x in [true_w, features, poly, labels]]


def evaluate_loss(net, it, loss):
    with torch.no_grad():
        return sum(loss(net(X), y.reshape(net(X).shape)).sum().item() for X, y in it)


net = nn.Sequential(nn.Linear(4, 1, bias=False))
loss = nn.MSELoss(reduction="none")
it = DataLoader(TensorDataset(poly[:100, :4], labels[:100].reshape(-1, 1)), 10, shuffle=True)
te = DataLoader(TensorDataset(poly[100:, :4], labels[100:].reshape(-1, 1)), 10)
tr = torch.optim.SGD(net.parameters(), lr=0.01)
for e in range(4):
    for X, y in it:
        l = loss(net(X), y.reshape((-1, 1)))
        tr.zero_grad()
        l.mean().backward()
        tr.step()
    print(evaluate_loss(net, te, loss))
