import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

f = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8))
h = nn.Linear(8, 8)
o = optim.SGD([*f.parameters(), *h.parameters()], lr=0.05)


def D(p, z):
    return -F.cosine_similarity(p, z.detach(), dim=-1).mean()


for i in range(5):
    x = torch.randn(32, 8)
    z1, z2 = f(x + 0.1), f(x - 0.1)
    loss = D(h(z1), z2) / 2 + D(h(z2), z1) / 2
    o.zero_grad()
    loss.backward()
    o.step()
