"""Gradients measured task by task before each step."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
X = torch.randn(400, 8)
W = torch.randn(8, 3)
T = X @ W * torch.tensor([1.0, 10.0, 0.1])
body = nn.Sequential(nn.Linear(8, 32), nn.ReLU())
heads = nn.ModuleList(nn.Linear(32, 1) for _ in range(3))
model = nn.ModuleDict({"body": body, "heads": heads})
opt = torch.optim.Adam(model.parameters(), 0.003)
for step in range(60):
    i = torch.randperm(400)[:64]
    norms = []
    for k in range(3):
        F.mse_loss(heads[k](body(X[i])).squeeze(1), T[i, k]).backward()
        norms.append(nn.utils.clip_grad_norm_(body.parameters(), float("inf")).item())
        opt.zero_grad()
    weights = [sum(norms) / 3 / (n + 1e-08) for n in norms]
    h = body(X[i])
    loss = sum((w * F.mse_loss(heads[k](h).squeeze(1), T[i, k]) for k, w in enumerate(weights)))
    loss.backward()
    opt.step()
    opt.zero_grad()
print(loss.item(), weights)
