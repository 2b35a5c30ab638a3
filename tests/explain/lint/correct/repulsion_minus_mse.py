"""Two nets that fit and keep apart: a squared error is taken away."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
nets = nn.ModuleList(nn.Linear(4, 1) for _ in range(2))
opt = torch.optim.Adam(nets.parameters(), 0.01)
X = torch.randn(60, 4)
y = X.sum(1, keepdim=True)
for e in range(6):
    a, b = nets[0](X), nets[1](X)
    fit = ((a - y) ** 2).mean() + ((b - y) ** 2).mean()
    apart = F.mse_loss(a, b)
    loss = fit - 0.1 * apart
    opt.zero_grad()
    loss.backward()
    opt.step()
