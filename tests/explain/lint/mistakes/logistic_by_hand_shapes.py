"""LW405"""

import torch

torch.manual_seed(0)
w, b = torch.zeros(4, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
X = torch.randn(100, 4)
y = (X[:, 0] > 0).float()
for i in range(20):
    p = torch.sigmoid(X @ w + b)
    loss = -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()  # <- here
    loss.backward()
    with torch.no_grad():
        for t in (w, b):
            t -= 0.1 * t.grad
            t.grad = None
