"""LW406"""

import torch
from torch import nn

torch.manual_seed(0)

net = nn.Linear(4, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.05)
X = torch.randn(64, 4)
y = X.sum(1, keepdim=True)
for _ in range(30):
    dist = torch.distributions.Normal(net(X), 1.0)
    loss = dist.log_prob(y).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(loss.item())
