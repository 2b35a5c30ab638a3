"""The squared loss of the book without its reshape: predictions (N, 1), labels (N,).

kind: lint
expect: LW405
line: # <- here
"""

import torch

torch.manual_seed(0)
X = torch.randn(100, 2)
y = X @ torch.tensor([2.0, -3.4]) + 4.2
w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)


def linreg(X, w, b):
    return torch.matmul(X, w) + b


def squared_loss(y_hat, y):
    return (y_hat - y) ** 2 / 2  # <- here


for epoch in range(5):
    loss = squared_loss(linreg(X, w, b), y).mean()
    loss.backward()
    with torch.no_grad():
        for param in (w, b):
            param -= 0.1 * param.grad
            param.grad.zero_()
    print(epoch, loss.item())
