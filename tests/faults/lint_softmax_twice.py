"""The network ends in softmax, as the book's figure of it does, and is trained with CrossEntropyLoss.

kind: lint
expect: LW401
line: # <- here
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = nn.Linear(20, 64), nn.Linear(64, 10)

    def forward(self, x):
        return F.softmax(self.out(F.relu(self.hidden(x))), dim=1)


train = TensorDataset(torch.randn(200, 20), torch.randint(0, 10, (200,)))
net, criterion = Classifier(), nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters())
for epoch in range(2):
    for X, y in DataLoader(train, batch_size=20, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(net(X), y)  # <- here
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
