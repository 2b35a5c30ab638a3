"""Adam with eps=0: an input that is always 0 gives its weights a gradient of 0, and the update divides 0 by √0.

kind: explosion
expect: LW542
op: Adam.step
line: # <- here
phase: optimizer
module: net.0.weight
"""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01, eps=0.0)
X = torch.randn(24, 5)
X[:, 3] = 0.0
y = torch.randn(24, 1)
for step in range(5):
    loss = nn.functional.mse_loss(net(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()  # <- here
