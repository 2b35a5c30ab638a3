"""A variance that is to be large."""

import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(500, 10) @ torch.diag(torch.linspace(2, 0.2, 10)) @ torch.linalg.qr(torch.randn(10, 10)).Q
proj = nn.Linear(10, 2, bias=False)
enc = nn.Sequential(nn.Linear(10, 10), nn.Tanh())
opt = torch.optim.Adam(proj.parameters(), 0.02)
for it in range(100):
    x = X[torch.randperm(500)[:100]]
    z = proj(x)
    spread = (z - z.mean(0)).pow(2).mean()
    loss = -spread
    opt.zero_grad()
    loss.backward()
    opt.step()
    with torch.no_grad():
        proj.weight.copy_(torch.linalg.qr(proj.weight.t()).Q.t())
print(loss.item(), -torch.linalg.eigvalsh(X.t().cov())[-2:].mean().item())
