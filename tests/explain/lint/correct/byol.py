import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

import copy

enc = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8))
pred = nn.Linear(8, 8)
tgt = copy.deepcopy(enc)
o = optim.SGD([*enc.parameters(), *pred.parameters()], lr=0.05)
for i in range(5):
    x = torch.randn(32, 8)
    a, b = x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x)
    with torch.no_grad():
        t = tgt(b)
    p = pred(enc(a))
    loss = 2 - 2 * F.cosine_similarity(p, t.detach(), dim=-1).mean()
    o.zero_grad()
    loss.backward()
    o.step()
    with torch.no_grad():
        for q, k in zip(enc.parameters(), tgt.parameters()):
            k.data = 0.99 * k.data + 0.01 * q.data
