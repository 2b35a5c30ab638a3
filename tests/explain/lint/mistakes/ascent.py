"""LW406"""

import torch

torch.manual_seed(0)

X = torch.randn(100, 2)
y = X @ torch.tensor([[2.0], [-3.0]]) + 4
w = torch.normal(0, 0.01, (2, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for e in range(6):
    l = ((X @ w + b - y) ** 2).mean()
    l.backward()
    with torch.no_grad():
        for p in [w, b]:
            p += 0.05 * p.grad
            p.grad.zero_()
    print(l.item())
