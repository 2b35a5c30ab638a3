"""LW432"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

X = torch.rand(96, 8)
y = torch.randint(0, 3, (96,))
tr = DataLoader(TensorDataset(X[:64], y[:64]), 16, shuffle=True)
te = DataLoader(TensorDataset(X[64:], y[64:]), 16)
model = nn.Linear(8, 3)
opt = torch.optim.SGD(model.parameters(), 0.1)


def test():
    model.eval()
    c = 0
    for x, y in te:
        c += (model(x).argmax(1) == y).sum().item()
    print(c)


for e in range(2):
    model.train()
    for xb, yb in tr:
        opt.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        opt.step()
    test()
