"""LW406"""

import torch

torch.manual_seed(0)
x = torch.randn(100, 3)
y = x @ torch.tensor([[1.0], [2.0], [3.0]])
w = torch.zeros(3, 1, requires_grad=True)
for i in range(30):
    l = ((x @ w - y) ** 2).mean() / 2
    l.backward()
    with torch.no_grad():
        w += 0.01 * w.grad  # <- here
        w.grad.zero_()
