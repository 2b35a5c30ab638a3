"""LW432"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
o = optim.Adam(net.parameters())
X, y = torch.randn(80, 6), torch.randint(0, 3, (80,))
for e in range(4):
    l = F.cross_entropy(net(X[:60]), y[:60])
    o.zero_grad()
    l.backward()
    o.step()
net.eval()
outputs = net(X[60:])
acc = (outputs.argmax(1) == y[60:]).float().mean()
print(f"Test accuracy: {acc:.3f}")
