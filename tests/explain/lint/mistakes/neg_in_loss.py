"""LW406"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Linear(6, 3)
o = optim.SGD(net.parameters(), lr=0.1)
X, y = torch.randn(80, 6), torch.randint(0, 3, (80,))


def loss_fn(out, y):
    return -nn.NLLLoss()(F.log_softmax(out, dim=1), y)


for e in range(5):
    loss = loss_fn(net(X), y)
    o.zero_grad()
    loss.backward()
    o.step()
