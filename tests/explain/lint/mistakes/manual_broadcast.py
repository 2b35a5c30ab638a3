"""LW405"""

import torch

torch.manual_seed(0)

X = torch.randn(100, 3)
y = X @ torch.tensor([1.0, 2.0, 3.0]) + 1
w = torch.zeros((3, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)


def squared_loss(y_hat, y):
    return (y_hat - y) ** 2 / 2


for e in range(5):
    l = squared_loss(X @ w + b, y).mean()
    l.backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.1 * p.grad
            p.grad.zero_()
