import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

# up/down movement of a series, batches in order on purpose
s = torch.cumsum(torch.randn(300), 0)
W = 8
X = torch.stack([s[i : i + W] for i in range(290)])
X = (X - X.mean(1, keepdim=True)) / X.std(1, keepdim=True)
y = torch.tensor([int(s[i + W] > s[i + W - 1]) for i in range(290)])
m = nn.Sequential(nn.Linear(W, 16), nn.ReLU(), nn.Linear(16, 2))
o = optim.Adam(m.parameters())
tr = DataLoader(TensorDataset(X[:240], y[:240]), 24, shuffle=False)
for e in range(3):
    for a, b in tr:
        l = F.cross_entropy(m(a), b)
        o.zero_grad()
        l.backward()
        o.step()
