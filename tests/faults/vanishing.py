"""Ten layers of sigmoids: each multiplies the gradient by less than 1/4, and the first layers get almost nothing. Nothing explodes.

kind: explosion
expect: LW550
op: sigmoid
line: # <- here
stops: no
"""

import torch
from torch import nn

torch.manual_seed(0)
layers = []
for _ in range(10):
    layers += [nn.Linear(20, 20), nn.Sigmoid()]
net = nn.Sequential(*layers, nn.Linear(20, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
X, y = torch.randn(64, 20), torch.randint(0, 3, (64,))
for step in range(30):
    loss = nn.functional.cross_entropy(net(X), y)  # <- here
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
