"""A siamese network with a contrastive loss written by hand and one with TripletMarginLoss."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(13)
embed = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(embed.parameters(), lr=1e-3)
triplet = nn.TripletMarginLoss(margin=1.0)
X, y = torch.randn(120, 10), torch.randint(0, 4, (120,))
for step in range(10):
    i, j = torch.randint(0, 120, (2, 32))
    same = (y[i] == y[j]).float()
    distance = F.pairwise_distance(embed(X[i]), embed(X[j]))
    contrastive = (same * distance**2 + (1 - same) * torch.clamp(1 - distance, min=0) ** 2).mean()
    anchors = embed(X[i])
    loss = contrastive + triplet(anchors, embed(X[j]), embed(X[torch.randint(0, 120, (32,))]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 3 == 0:
        with torch.no_grad():
            e = embed(X)
            d = (e.unsqueeze(1) - e.unsqueeze(0)).pow(2).sum(-1)
            d.fill_diagonal_(float("inf"))
            print(step, loss.item(), (y[d.argmin(1)] == y).float().mean().item())
