import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
o = optim.SGD(net.parameters(), lr=0.1)
tr = DataLoader(TensorDataset(torch.randn(64, 4), torch.randint(0, 3, (64,))), 16, shuffle=True)
te = DataLoader(TensorDataset(torch.randn(32, 4), torch.randint(0, 3, (32,))), 16)


def run(loader, training):
    net.train(training)
    c = 0
    with torch.set_grad_enabled(training):
        for X, y in loader:
            out = net(X)
            loss = F.cross_entropy(out, y)
            if training:
                o.zero_grad()
                loss.backward()
                o.step()
            c += (out.argmax(1) == y).sum().item()
    return c / len(loader.dataset)


for e in range(3):
    print(run(tr, True), run(te, False))
