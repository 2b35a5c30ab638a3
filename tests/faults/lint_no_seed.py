"""Two learning rates are compared, and nothing is seeded: the better one may have been lucky.

kind: lint
expect: LW443
line: # <- here
"""

import torch
from torch import nn

X = torch.randn(100, 5)
y = X.pow(2).sum(1, keepdim=True)


def run(lr):
    net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)  # <- here
    for step in range(10):
        loss = nn.functional.mse_loss(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


print({lr: run(lr) for lr in (0.01, 0.03)})
