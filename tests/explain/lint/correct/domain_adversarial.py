"""The features of two domains are made alike: a difference of two losses."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
features = nn.Sequential(nn.Linear(5, 16), nn.ReLU())
task, domain = nn.Linear(16, 3), nn.Linear(16, 2)
opt_main = torch.optim.Adam([*features.parameters(), *task.parameters()], lr=1e-3)
opt_domain = torch.optim.Adam(domain.parameters(), lr=1e-3)
Xs, ys, Xt = torch.randn(80, 5), torch.randint(0, 3, (80,)), torch.randn(80, 5) + 1
d = torch.cat([torch.zeros(20), torch.ones(20)]).long()
for epoch in range(3):
    for i, j in zip(torch.randperm(80).split(20), torch.randperm(80).split(20)):
        both = features(torch.cat([Xs[i], Xt[j]]))
        dl = F.cross_entropy(domain(both.detach()), d)
        opt_domain.zero_grad()
        dl.backward()
        opt_domain.step()
        loss = F.cross_entropy(task(both[:20]), ys[i]) - 0.1 * F.cross_entropy(domain(both), d)
        opt_main.zero_grad()
        loss.backward()
        opt_main.step()
