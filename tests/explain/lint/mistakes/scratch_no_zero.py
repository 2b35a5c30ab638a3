"""LW411"""

import torch

torch.manual_seed(0)

X = torch.randn(100, 2)
y = X @ torch.tensor([[2.0], [-3.0]]) + 4
w = torch.normal(0, 0.01, (2, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)


def sgd(params, lr):
    with torch.no_grad():
        for p in params:
            p -= lr * p.grad


for e in range(5):
    l = ((X @ w + b - y) ** 2).mean()
    l.backward()
    sgd([w, b], 0.01)
