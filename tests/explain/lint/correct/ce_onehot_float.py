"""One-hot targets for cross_entropy: probabilities, as good as class numbers."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Linear(6, 3)
o = optim.Adam(net.parameters())
X, y = torch.randn(60, 6), torch.randint(0, 3, (60,))
t = F.one_hot(y, 3).float()
for i in range(3):
    l = F.cross_entropy(net(X), t)
    o.zero_grad()
    l.backward()
    o.step()
