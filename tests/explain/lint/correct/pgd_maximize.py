"""A perturbation that an optimizer with maximize=True makes worse."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
c = torch.randn(4, 12) * 1.5
Y = torch.randint(4, (512,))
X = c[Y] + torch.randn(512, 12)
clf = nn.Linear(12, 4)
opt = torch.optim.SGD(clf.parameters(), 0.1)
for epoch in range(3):
    for i in torch.randperm(512).split(64):
        loss = F.cross_entropy(clf(X[i]), Y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
clf.requires_grad_(False)
delta = nn.Parameter(torch.zeros(12))
attack = torch.optim.Adam([delta], lr=0.05, maximize=True)
for epoch in range(3):
    for i in torch.randperm(512).split(64):
        loss = F.cross_entropy(clf(X[i] + delta), Y[i])
        attack.zero_grad()
        loss.backward()
        attack.step()
        with torch.no_grad():
            delta.clamp_(-1, 1)
with torch.no_grad():
    print(F.cross_entropy(clf(X), Y).item(), F.cross_entropy(clf(X + delta), Y).item())
