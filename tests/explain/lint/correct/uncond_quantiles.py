"""Each observation meets each learned quantile."""

import torch
from torch import nn

torch.manual_seed(0)
y = torch.distributions.Gamma(2.0, 1.0).sample((2000, 1))
K = 32
taus = (torch.arange(K) + 0.5) / K
q = nn.Parameter(torch.linspace(0, 3, K))
opt = torch.optim.Adam([q], lr=0.02)
for step in range(150):
    batch = y[torch.randperm(len(y))[:32]]
    err = batch - q
    loss = torch.maximum(taus * err, (taus - 1) * err).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(q[16].item(), y.median().item())
