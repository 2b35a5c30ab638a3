import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

f = nn.Linear(6, 4)
o = optim.Adam(f.parameters())
X, y = torch.randn(40, 6), torch.randint(0, 3, (40,))
for i in range(5):
    z = F.normalize(f(X), dim=1)
    sim = z @ z.T / 0.1
    mask = (y.view(-1, 1) == y).float() - torch.eye(40)
    logp = sim - torch.logsumexp(sim - torch.eye(40) * 1e9, 1, keepdim=True)
    l = -(mask * logp).sum(1).div(mask.sum(1).clamp(min=1)).mean()
    o.zero_grad()
    l.backward()
    o.step()
