"""Within minus between: a squared difference of two learned means is to be large."""

import torch
from torch import nn

torch.manual_seed(0)
A, B = (torch.randn(200, 6), torch.randn(200, 6) + torch.tensor([1.0, 0, 0, 1, 0, 0]))
net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2))
opt = torch.optim.Adam(net.parameters(), 0.005, weight_decay=0.01)
for it in range(100):
    a, b = (net(A[torch.randperm(200)[:64]]), net(B[torch.randperm(200)[:64]]))
    within = a.var(0).sum() + b.var(0).sum()
    between = (a.mean(0) - b.mean(0)).pow(2).sum()
    loss = within + 0.1 * (a.pow(2).mean() + b.pow(2).mean()) - between
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
