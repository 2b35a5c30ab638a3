import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

s = nn.Linear(6, 1)
o = optim.Adam(s.parameters())
X, r = torch.randn(40, 6), torch.rand(40)
for i in range(5):
    sc = s(X).squeeze(1)
    d = sc.unsqueeze(1) - sc
    m = (r.unsqueeze(1) > r).float()
    l = (F.softplus(-d) * m).sum() / m.sum()
    o.zero_grad()
    l.backward()
    o.step()
    sc2 = s(X)
    d2 = sc2 - sc2.T
    with torch.no_grad():
        print(((d > 0) == (r[:, None] - r > 0)).float().mean())
