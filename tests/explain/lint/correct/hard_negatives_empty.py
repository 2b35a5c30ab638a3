"""A batch without an active triplet gives a loss without a graph."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
c = torch.randn(6, 10) * 2
net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 8))
opt = torch.optim.Adam(net.parameters(), 0.005)


def batch_hard(emb, y, margin=0.5):
    d = torch.cdist(emb, emb)
    same = y.view(-1, 1) == y
    pos = (d * same).argmax(1)
    neg = d.masked_fill(same, 1000000000.0).argmin(1)
    gap = d.gather(1, pos.view(-1, 1)) - d.gather(1, neg.view(-1, 1)) + margin
    active = gap[gap > 0]
    if active.numel() == 0:
        return torch.zeros((), requires_grad=True)
    return active.mean()


for it in range(120):
    y = torch.randint(6, (24,))
    x = c[y] + 0.5 * torch.randn(24, 10)
    loss = batch_hard(F.normalize(net(x), dim=1), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
