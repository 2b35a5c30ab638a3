"""`where` hides the log of 0, but backward goes through both branches: 0 times an infinite slope is NaN. The loss itself is finite.

kind: explosion
expect: LW534
op: log
line: # <- here
phase: backward
"""

import torch
from torch import nn

torch.manual_seed(1)
net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU())
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
X = torch.randn(32, 5)
for step in range(5):
    out = net(X)
    positive = out > 0
    logs = torch.log(out)  # <- here
    loss = torch.where(positive, logs, torch.zeros_like(out)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
