"""LW431"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(1, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4 * 36, 3)

    def forward(self, x):
        return self.fc(torch.flatten(F.relu(self.bn(self.c(x))), 1))


def evaluate(model, loader):
    correct = total = 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            _, pred = torch.max(out.data, 1)
            total += y.size(0)
            correct += (pred == y).sum().item()
    return correct / total


X = torch.rand(96, 1, 8, 8)
y = torch.randint(0, 3, (96,))
tr = DataLoader(TensorDataset(X[:64], y[:64]), 16, shuffle=True)
te = DataLoader(TensorDataset(X[64:], y[64:]), 16)
model = Net()
opt = torch.optim.SGD(model.parameters(), 0.1)
for e in range(2):
    model.train()
    for xb, yb in tr:
        opt.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        opt.step()
print(evaluate(model, te))
