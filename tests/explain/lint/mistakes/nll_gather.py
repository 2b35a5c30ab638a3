"""LW406"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Linear(6, 3)
o = optim.SGD(net.parameters(), lr=0.1)
X, y = torch.randn(80, 6), torch.randint(0, 3, (80,))
for e in range(5):
    logp = F.log_softmax(net(X), dim=1)
    loss = logp.gather(1, y.view(-1, 1)).mean()
    o.zero_grad()
    loss.backward()
    o.step()
