"""LW406"""

import torch

torch.manual_seed(42)

X = torch.randn(80, 2)
y = X @ torch.tensor([1.0, 2.0]) + 3
w = torch.zeros(2, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for e in range(5):
    loss = -((X @ w + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
        w.grad.zero_()
        b.grad.zero_()
