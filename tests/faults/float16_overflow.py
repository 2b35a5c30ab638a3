"""A model in pure float16: a sum of squares passes 65504, the largest number there is.

kind: explosion
expect: LW523
op: sum
line: # <- here
"""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(64, 64).half()
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
X = torch.randn(32, 64).half() * 20
for step in range(5):
    out = net(X)
    energy = (out * out).sum()  # <- here
    loss = energy / out.numel()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
