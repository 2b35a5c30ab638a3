"""torch.compile around a model: training and evaluation through the compiled object."""

import torch
from torch import nn

torch.manual_seed(31)
X, y = torch.randn(64, 6), torch.randint(0, 2, (64,))
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
model = torch.compile(net)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()
for epoch in range(4):
    model.train()
    loss = criterion(model(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        acc = (model(X).argmax(1) == y).float().mean()
    print(epoch, loss.item(), acc.item())
