"""A linear support vector machine: labels times scores, both rows."""

import torch

torch.manual_seed(0)
X = torch.randn(90, 5)
y = torch.sign(X[:, 0] + 0.1)
w, b = torch.zeros(5, requires_grad=True), torch.zeros(1, requires_grad=True)
for step in range(30):
    margin = y * (X @ w + b)
    loss = (1 - margin).clamp(min=0).mean() + 1e-3 * w.dot(w)
    loss.backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.1 * p.grad
            p.grad.zero_()
