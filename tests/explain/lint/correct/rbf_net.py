"""Distances to learned centres."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(400, 1) * 2 - 1
y = torch.sin(4 * x) + 0.05 * torch.randn_like(x)


class RBF(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.centers = nn.Parameter(torch.linspace(-1, 1, k))
        self.log_width = nn.Parameter(torch.full((k,), -1.5))
        self.out = nn.Linear(k, 1)

    def forward(self, x):
        d = x - self.centers
        return self.out(torch.exp(-d.pow(2) / (2 * self.log_width.exp() ** 2)))


net = RBF(20)
opt = torch.optim.Adam(net.parameters(), lr=0.02)
for epoch in range(6):
    for idx in torch.randperm(400).split(20):
        loss = nn.functional.mse_loss(net(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
print(loss.item())
