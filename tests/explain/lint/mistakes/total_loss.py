"""LW417"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

X = torch.randn(128, 4)
y = torch.randint(0, 3, (128,))
dl = DataLoader(TensorDataset(X, y), 16, shuffle=True)
net = nn.Linear(4, 3)
opt = torch.optim.Adam(net.parameters(), 1e-3)


def train():
    running_loss = 0.0
    for xb, yb in dl:
        opt.zero_grad()
        loss = nn.CrossEntropyLoss()(net(xb), yb)
        loss.backward()
        opt.step()
        running_loss += loss * len(xb)
    return running_loss


for e in range(2):
    print(train())
